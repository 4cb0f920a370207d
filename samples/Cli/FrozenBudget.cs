using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>Fits a training on a frozen backbone into a time, by the size of the images.</summary>
internal static class FrozenBudget
{
    /// <summary>The side at which the speed is measured. The time of a view is proportional to its number of pixels.</summary>
    private const int MeasuredSide = 128;

    private const int MeasuredImages = 16;

    /// <summary>Share of the time for the views. Reading the images, training the heads and a busy machine take the rest.</summary>
    private const double ShareOfViews = 0.7;

    private static readonly int[] Sides = [224, 192, 160, 128, 96, 64];
    private static readonly TimeSpan MeasuringTime = TimeSpan.FromSeconds(2);

    /// <summary>Sets image size and objective so that the training fits.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">The options, which are changed.</param>
    /// <param name="images">The training images.</param>
    /// <param name="isSideGiven">Whether the caller fixes the size of the images.</param>
    /// <param name="left">The time that is left.</param>
    public static void Fit(MLContext mlContext, SlaTrainer.Options options, ImageSet images, bool isSideGiven, TimeSpan left)
    {
        double perView = SecondsPerView(mlContext, options, images);
        int[] sides = isSideGiven ? [options.ImageWidth!.Value] : Sides;
        long all = images.Images.Count, mirrored = 2 * all;
        long compared = all * options.Transformations.Count;
        if (options.CompareObjectives && Largest(compared + Math.Min(compared, mirrored)) is { } side)
        {
            (options.ImageWidth, options.ImageHeight) = (side, side);
            return;
        }

        // Too little time to compare: the baseline has the fewest views.
        if (options.CompareObjectives)
            (options.CompareObjectives, options.Objective) = (false, SlaObjective.Baseline);
        long views = options.Objective == SlaObjective.Baseline ? mirrored : compared;
        if (Largest(views) is null && options.Objective == SlaObjective.Baseline)
            (options.Augmentations, views) = ([], all);
        int chosen = Largest(views) ?? sides[^1];
        if (Seconds(views, chosen) > left.TotalSeconds)
            Terminal.Note($"The views of the images take about {Seconds(views, chosen):F0} seconds, and {left.TotalSeconds:F0} are left. The training takes longer than --max-seconds.");
        (options.ImageWidth, options.ImageHeight) = (chosen, chosen);

        double Seconds(long count, int side) => count * perView * side * side / (MeasuredSide * MeasuredSide);

        int? Largest(long count) => sides.Where(side => Seconds(count, side) <= ShareOfViews * left.TotalSeconds).Select(side => (int?)side).FirstOrDefault();
    }

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
}
