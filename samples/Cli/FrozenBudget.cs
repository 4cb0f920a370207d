using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>Fits a training on a frozen backbone into a time, by the size of the images and the number of their views.</summary>
/// <remarks>
/// docs/evidence/photos.md measures what a smaller size costs in accuracy. What views and the comparison of objectives gain differs between
/// sets of photos, and is estimated. The choice with the highest sum is taken among those that fit.
/// </remarks>
internal static class FrozenBudget
{
    /// <summary>The file of the checkpoint folder that says what a run chose, so that it goes on with that whatever the machine does meanwhile.</summary>
    private const string ChoiceFile = "embeddings-choice.json";

    /// <summary>The side at which the speed is measured. The time of a view is proportional to its number of pixels.</summary>
    private const int MeasuredSide = 128;

    private const int MeasuredImages = 16;

    /// <summary>Share of the time that is planned. Other work on the machine takes the rest.</summary>
    private const double PlannedShare = 0.9;

    /// <summary>Seconds to read the files, and to make and write the model.</summary>
    private const double SecondsOfFiles = 5;

    /// <summary>Seconds to train heads, and those that each output of each view adds: measured on two cores.</summary>
    private const double SecondsOfHeads = 2, SecondsOfValue = 3.5e-5;

    /// <summary>Objectives that are compared on one set of views, and the images that they are compared on.</summary>
    private const int Candidates = 3, ComparedImages = 400, ComparedImagesOfClass = 10;

    /// <summary>
    /// Points of accuracy over the baseline on one view: of all objectives and views compared, an estimate, and of mirror images
    /// (docs/evidence/studies/photos.md: 1.0 to 2.2).
    /// </summary>
    private const double GainOfComparison = 2, GainOfMirrors = 1;

    private static readonly TimeSpan MeasuringTime = TimeSpan.FromSeconds(1);

    /// <summary>Points of accuracy that a side costs.</summary>
    private static readonly (int Side, double Points)[] Sides = [(224, 0), (192, 0.8), (160, 1.3), (128, 2.4), (96, 4.6), (64, 8)];

    /// <summary>Sets image size and objective so that the training fits. A resumed run has those of its first command.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">The options, which are changed.</param>
    /// <param name="images">The training images.</param>
    /// <param name="isSideGiven">Whether the caller fixes the size of the images.</param>
    /// <param name="left">Gives the time that is left.</param>
    /// <exception cref="InputException">The choice of the first command cannot be read.</exception>
    public static void Fit(MLContext mlContext, SlaTrainer.Options options, ImageSet images, bool isSideGiven, Func<TimeSpan> left)
    {
        var ways = Ways(options, images).ToDictionary(way => way.Name);
        string file = Path.Combine(options.CheckpointFolder!, ChoiceFile);
        var choice = options.Resume && File.Exists(file) ? Read(file) : Choose(mlContext, options, images, isSideGiven, ways.Values, left);
        if (!ways.TryGetValue(choice.Way, out var way))
            throw new InputException($"'{file}' is of a command with other options. Give the same command with --resume, or another --checkpoint.");
        if (!options.Resume)
        {
            Directory.CreateDirectory(options.CheckpointFolder!);
            OutputFile.Write(file, stream => JsonSerializer.Serialize(stream, choice));
        }

        (options.ImageWidth, options.ImageHeight) = (choice.Side, choice.Side);
        way.Apply(options);
    }

    /// <summary>Deletes a checkpoint folder that has nothing but the choice of a run that never began.</summary>
    public static void Forget(string checkpointFolder)
    {
        if (Directory.Exists(checkpointFolder) && Directory.EnumerateFileSystemEntries(checkpointFolder).All(entry => Path.GetFileName(entry) == ChoiceFile))
            Directory.Delete(checkpointFolder, recursive: true);
    }

    /// <summary>Takes the side and the way with the highest sum of points that fit, or the fastest ones if none does.</summary>
    private static Choice Choose(
        MLContext mlContext, SlaTrainer.Options options, ImageSet images, bool isSideGiven, IEnumerable<Way> ways, Func<TimeSpan> left)
    {
        double perView = SecondsPerView(mlContext, options, images);
        double most = (PlannedShare * left().TotalSeconds) - SecondsOfFiles;
        var choices = (
            from side in isSideGiven ? [(Side: options.ImageWidth!.Value, Points: 0)] : Sides
            from way in ways
            let seconds = (way.Views * perView * side.Side * side.Side / (MeasuredSide * MeasuredSide)) + way.SecondsOfHeads
            select (side.Side, Way: way, Seconds: seconds, Points: way.Points - side.Points)).ToList();
        var fitting = choices.Where(choice => choice.Seconds <= most).ToList();
        var chosen = fitting.Count > 0 ? fitting.MaxBy(choice => choice.Points) : choices.MinBy(choice => choice.Seconds);
        if (fitting.Count == 0)
        {
            Terminal.Note(FormattableString.Invariant(
                $"The views of the images and the heads take about {chosen.Seconds:F0} seconds, and {Math.Max(0, left().TotalSeconds - SecondsOfFiles):F0} are left. The training takes longer than --max-seconds."));
        }

        return new Choice(chosen.Side, chosen.Way.Name);
    }

    private static Choice Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<Choice>(File.ReadAllText(file)) is { Side: >= 16 and <= 4096, Way: not null } choice ? choice : throw new JsonException("A value is missing.");
        }
        catch (JsonException exception)
        {
            throw new InputException($"'{file}' is damaged: {exception.Message} Delete its folder to start over.", exception);
        }
    }

    /// <summary>The ways to train.</summary>
    private static IEnumerable<Way> Ways(SlaTrainer.Options options, ImageSet images)
    {
        long all = images.Images.Count, views = options.Transformations.Count;
        long compared = Math.Min(all, Math.Max(ComparedImages, ComparedImagesOfClass * images.Classes.Count));
        if (!options.CompareObjectives)
        {
            bool isBaseline = options.Objective == SlaObjective.Baseline;
            long passes = isBaseline ? 2 : views;
            yield return new Way("given", passes * all, Heads(all, passes), GainOfMirrors, _ => { });
            if (isBaseline)
                yield return new Way("plain", all, Heads(all, 1), 0, Plain);
            yield break;
        }

        yield return new Way(
            "given", (compared * (views + 2)) + (all * Math.Max(2, views)), Comparison(views) + Comparison(2) + Heads(all, Math.Max(2, views)), GainOfComparison, _ => { });
        yield return new Way(
            "mirrors", 2 * (compared + all), Comparison(2) + Heads(all, 2), GainOfMirrors, change => change.Transformations = TransformationSet.HorizontalFlip);
        yield return new Way("plain", all, Heads(all, 1), 0, Plain);

        // One of the objectives has joint heads, with an output for each class and view.
        double Comparison(long ofViews) => ((Candidates - 1) * SecondsOfHeads) + Heads(compared, ofViews * ofViews);

        double Heads(long count, long ofViews) => SecondsOfHeads + (SecondsOfValue * count * ofViews * images.Classes.Count);
    }

    /// <summary>The baseline on one view of each image.</summary>
    private static void Plain(SlaTrainer.Options options) =>
        (options.CompareObjectives, options.Objective, options.Augmentations) = (false, SlaObjective.Baseline, []);

    private static double SecondsPerView(MLContext mlContext, SlaTrainer.Options options, ImageSet images)
    {
        var some = images.Take(Enumerable.Range(0, MeasuredImages).Select(i => (long)images.Images.Count * i / MeasuredImages).Append(images.Images.Count - 1).Distinct());
        var measured = new SlaTrainer.Options
        {
            FeatureColumnName = options.FeatureColumnName,
            ImageWidth = MeasuredSide,
            ImageHeight = MeasuredSide,
            Channels = options.Channels,
            Architecture = options.Architecture,
            BackboneTraining = BackboneTraining.Frozen,
            Precision = options.Precision,
            Objective = SlaObjective.Baseline,
            Threads = options.Threads,
            Seed = options.Seed,
            OnUnreadableImage = UnreadableImageHandling.Skip,
            CancellationToken = options.CancellationToken,
        };
        var rows = Pipeline.LoadLabelled(mlContext, some, some.Classes, Pipeline.ImageColumn, MeasuredSide);
        var speed = Failure.AsInput(() => mlContext.MulticlassClassification.Trainers.Sla(measured).MeasureSpeed(rows, MeasuringTime));
        return speed.Step.TotalSeconds / speed.BatchSize;
    }

    /// <summary>What a run chose.</summary>
    private sealed record Choice(int Side, string Way);

    /// <summary>A way to train.</summary>
    /// <param name="Name">Its name among the others.</param>
    /// <param name="Views">Number of views that go through the network.</param>
    /// <param name="SecondsOfHeads">Estimated time of the heads.</param>
    /// <param name="Points">Points of accuracy over the baseline on one view of each image.</param>
    /// <param name="Apply">Changes the options to it.</param>
    private sealed record Way(string Name, long Views, double SecondsOfHeads, double Points, Action<SlaTrainer.Options> Apply);
}
