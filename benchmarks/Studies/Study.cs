using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Studies;

/// <summary>A question, the runs that answer it, and how the answer is shown: a file in <c>studies</c>.</summary>
/// <param name="Title">What the table and the figure are called.</param>
/// <param name="Common">The properties of <see cref="Run"/> that settings share, with <c>steps</c> in place of <c>epochs</c> where their number is to be the same for all sizes.</param>
/// <param name="ImagesPerClass">Sizes of the training set.</param>
/// <param name="Seeds">Seeds of images and training.</param>
/// <param name="Settings">By name, the properties that a setting has of its own.</param>
/// <param name="Rows">What is compared.</param>
internal sealed record Study(
    string Title, JsonObject Common, IReadOnlyList<int> ImagesPerClass, IReadOnlyList<int> Seeds, IReadOnlyDictionary<string, JsonObject> Settings, IReadOnlyList<StudyRow> Rows)
{
    private const string Folder = "studies";

    /// <summary>Name of the file.</summary>
    public string Name { get; private init; } = "";

    /// <summary>All runs.</summary>
    public IEnumerable<Run> Runs => from seed in Seeds from images in ImagesPerClass from setting in Settings.Keys select RunOf(setting, images, seed);

    /// <exception cref="FileNotFoundException">There is no such study.</exception>
    /// <exception cref="InvalidDataException">A row names what is not there.</exception>
    public static IReadOnlyList<Study> Read(IEnumerable<string> names)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, Folder);
        string[] there = [.. Directory.GetFiles(folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];
        return [.. names.SelectMany(name => name == "all" ? there : [name]).Select(name => ReadOne(name, folder, there))];
    }

    public Run RunOf(string setting, int imagesPerClass, int seed)
    {
        var properties = Common.DeepClone().AsObject();
        foreach (var (name, value) in Settings[setting])
            properties[name] = value?.DeepClone();
        properties["imagesPerClass"] ??= imagesPerClass;
        properties["seed"] = seed;
        properties["members"] ??= 1;
        if (properties["steps"] is { } steps)
        {
            double stepsPerEpoch = (double)properties["imagesPerClass"]!.GetValue<int>() * Images.Classes / properties["batchSize"]!.GetValue<int>();
            properties["epochs"] ??= (int)Math.Max(1, Math.Round(steps.GetValue<int>() / Math.Floor(stepsPerEpoch)));
            properties.Remove("steps");
        }

        if (properties["objective"]?.GetValue<string>() == "baseline")
            (properties["transformations"], properties["viewsPerStep"]) = ("none", 1);
        return properties.Deserialize<Run>(Lines.Json)!;
    }

    private static Study ReadOne(string name, string folder, string[] there)
    {
        string file = name.EndsWith(".json", StringComparison.Ordinal) ? name : Path.Combine(folder, $"{name}.json");
        if (!File.Exists(file))
            throw new FileNotFoundException($"There is no study '{name}'. There are {string.Join(", ", there)}; or name a .json file.");

        var study = JsonSerializer.Deserialize<Study>(File.ReadAllText(file), Lines.Json)! with { Name = Path.GetFileNameWithoutExtension(file) };
        foreach (var row in study.Rows)
        {
            if (!study.Settings.ContainsKey(row.Setting))
                throw new InvalidDataException($"The row '{row.Name}' of the study '{study.Name}' is of the setting '{row.Setting}', which is not there.");
            if (row.Against is { } other && study.Rows.All(candidate => candidate.Name != other))
                throw new InvalidDataException($"The row '{row.Name}' of the study '{study.Name}' is compared with '{other}', which is not there.");
        }

        foreach (var run in study.Runs)
            run.Options(member: 0);
        return study;
    }
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
