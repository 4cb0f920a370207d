using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Compares trainings, setting by setting, size by size of the training set or of its time, seed by seed.</summary>
internal sealed record ComparisonStudy : Study<TrainingRun>
{
    private const string Pretrained = "pretrained";
    private const string ImagesOfClass = "imagesPerClass";
    private const string Time = "seconds";
    private const string Seed = "seed";

    /// <summary>The properties of <see cref="TrainingRun"/> that settings share, with <c>steps</c> in place of <c>epochs</c> where their number is to be the same for all sizes.</summary>
    public required JsonObject Common { get; init; }

    /// <summary>Sizes of the training set.</summary>
    public IReadOnlyList<int> ImagesPerClass { get; init; } = [];

    /// <summary>Times of a training, in place of sizes.</summary>
    public IReadOnlyList<int> Seconds { get; init; } = [];

    /// <summary>Seeds of images and training.</summary>
    public required IReadOnlyList<int> Seeds { get; init; }

    /// <summary>By name, the properties that a setting has of its own; <c>pretrained</c> names another setting.</summary>
    public required IReadOnlyDictionary<string, JsonObject> Settings { get; init; }

    /// <summary>What is compared.</summary>
    public required IReadOnlyList<StudyRow> Rows { get; init; }

    /// <summary>What the settings are compared at: times where there are any, and else sizes of the training set.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Sizes => IsOfTime ? Seconds : ImagesPerClass;

    private bool IsOfTime => Seconds.Count > 0;

    public override IEnumerable<IRun> ListRuns() => from seed in Seeds from size in Sizes from setting in Settings.Keys select RunOf(setting, size, seed);

    public override Findings? Find(string file) => Comparison.Of(this, TrainingLine.Read(file)) is { Count: > 0 } comparisons
        ? new Findings(Text(comparisons), comparisons.Any(comparison => comparison.Gain is not null) ? path => Draw(comparisons, path) : null)
        : null;

    public TrainingRun RunOf(string setting, int size, int seed)
    {
        var properties = Common.DeepClone().AsObject();
        foreach (var (name, value) in Settings[setting])
            properties[name] = value?.DeepClone();
        properties[IsOfTime ? Time : ImagesOfClass] ??= size;
        properties[Seed] = seed;
        string? weights = (string?)properties[Pretrained];
        properties.Remove(Pretrained);
        return TrainingRun.Of(properties) with { Pretrained = weights is null ? null : RunOf(weights, size, seed) };
    }

    protected override void Check()
    {
        foreach (var row in Rows)
        {
            if (!Settings.ContainsKey(row.Setting))
                throw new InvalidDataException($"The row '{row.Name}' of the study '{Name}' is of the setting '{row.Setting}', which is not there.");
            if (row.Against is { } other && Rows.All(candidate => candidate.Name != other))
                throw new InvalidDataException($"The row '{row.Name}' of the study '{Name}' is compared with '{other}', which is not there.");
        }

        if (IsOfTime == (ImagesPerClass.Count > 0))
            throw new InvalidDataException($"The study '{Name}' must have one of {ImagesOfClass} and {Time}: what its settings are compared at.");
        base.Check();
    }

    private string Text(IReadOnlyList<Comparison> comparisons)
    {
        var columns = Columns(comparisons);
        var page = new StringBuilder();
        foreach (var ofSize in comparisons.GroupBy(comparison => comparison.Size))
        {
            var first = ofSize.First().Lines[0].Run;
            string images = string.Create(CultureInfo.InvariantCulture, $"{first.ImagesPerClass:N0} images of each class");
            page.AppendLine(IsOfTime
                ? $"{NameOf(ofSize.Key)} minutes of one thread, {images}:"
                : string.Create(CultureInfo.InvariantCulture, $"{images}, {first.Epochs} epochs of {first.StepsPerEpoch:N0} steps in the first row:")).AppendLine();
            page.AppendLine($"| {string.Join(" | ", columns.Select(column => column.Title))} |");
            page.AppendLine($"| {string.Join(" | ", columns.Select(_ => "---"))} |");
            foreach (var comparison in ofSize)
                page.AppendLine($"| {string.Join(" | ", columns.Select(column => column.Cell(comparison)))} |");
            page.AppendLine();
        }

        return page.Append("""
            An accuracy is the mean over the seeds, ± its standard deviation. A gain is the mean difference from the named row, in
            points, ± half of its 95 % interval (Student's t). Each seed is compared with itself. A gain that is smaller than its
            half interval may be chance.

            """).ToString();
    }

    /// <summary>Times are processor times where all lines have them, and else what passed; what no line has is no column.</summary>
    private static List<(string Title, Func<Comparison, string> Cell)> Columns(IReadOnlyList<Comparison> comparisons)
    {
        List<(string Title, Func<Comparison, string> Cell)> columns =
        [
            ("what", comparison => comparison.Row.Name),
            ("seeds", comparison => $"{comparison.Scores.Count}"),
            ("accuracy", comparison => Estimate.Spread(comparison.Accuracies)),
            ("gain, paired", comparison => comparison.Gain is { } gain ? $"{gain} over {comparison.Row.Against}" : ""),
        ];
        Add("log-loss", "F3", comparison => comparison.Scores.Average(scores => scores.LogLoss));
        Add("epochs", "F0", comparison => comparison.Lines.Average(line => line.Epochs));
        if (comparisons.All(comparison => comparison.IsOfOneThread))
            Add("training, processor seconds", "F0", comparison => comparison.MeanOfTraining(line => line.ProcessorSeconds));
        else
            Add("training, seconds", "F0", comparison => comparison.MeanOfTraining(line => line.Seconds));
        if (comparisons.SelectMany(comparison => comparison.Scores).All(scores => scores.ScoringMilliseconds is not null))
            Add("scoring, processor ms an image", "F2", comparison => comparison.Scores.Average(scores => scores.ScoringMilliseconds));
        else
            Add("scoring all test images, seconds", "F1", comparison => comparison.Scores.Average(scores => scores.Seconds));
        return columns;

        void Add(string title, string format, Func<Comparison, double?> value)
        {
            if (comparisons.Any(comparison => value(comparison) is not null))
                columns.Add((title, comparison => value(comparison)?.ToString(format, CultureInfo.InvariantCulture) ?? ""));
        }
    }

    private void Draw(IReadOnlyList<Comparison> comparisons, string path)
    {
        var compared = comparisons.Where(comparison => comparison.Gain is not null).ToArray();
        if (Sizes.Count == 1)
        {
            GainFigure.WriteRows(path, Title, [.. compared.Select(comparison => (comparison.Row.Label, comparison.Gain!))]);
            return;
        }

        GainFigure.WriteBySize(
            path,
            Title,
            IsOfTime ? "minutes of training on one thread" : "training images of each class",
            [.. Sizes.Select(NameOf)],
            [.. compared.GroupBy(comparison => comparison.Row).Select(ofRow => (
                ofRow.Key.Name,
                (IReadOnlyList<Estimate?>)[.. Sizes.Select(size => ofRow.FirstOrDefault(comparison => comparison.Size == size)?.Gain)]))]);
    }

    /// <summary>Images of a class, or minutes.</summary>
    private string NameOf(int size) => IsOfTime ? (size / 60.0).ToString("0.#", CultureInfo.InvariantCulture) : size.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>What a setting's networks score in one way.</summary>
/// <param name="Name">What the row is called.</param>
/// <param name="Setting">The setting.</param>
/// <param name="Inference">The inference, or <c>Ensemble4</c>: the mean of the first four members' probabilities.</param>
/// <param name="Against">Name of the row that it is compared with, seed by seed; null for a row that others are compared with.</param>
internal sealed record StudyRow(string Name, string Setting, string Inference, string? Against)
{
    /// <summary>Beginning of the name of an inference that averages the probabilities of several networks.</summary>
    public const string Ensemble = "Ensemble";

    /// <summary>What it is called beside its gain; a name may say itself what it is compared with.</summary>
    public string Label => Name.Contains("against", StringComparison.Ordinal) ? Name : $"{Name}, over {Against}";

    /// <summary>Number of networks that are averaged.</summary>
    public int Networks => Inference.StartsWith(Ensemble, StringComparison.Ordinal) ? int.Parse(Inference[Ensemble.Length..], CultureInfo.InvariantCulture) : 1;
}
