using System.Text.Json.Serialization;

namespace Sla;

/// <summary>How well a model predicts labelled images.</summary>
/// <param name="Inference">How the model scored.</param>
/// <param name="Images">Number of images.</param>
/// <param name="Accuracy">Share of the images whose class is predicted.</param>
/// <param name="MacroAccuracy">Mean over the classes that occur of the share that is predicted.</param>
/// <param name="LogLoss">Mean negative logarithm of the probability of the true class, in nats.</param>
/// <param name="ImagesPerSecond">Images read, decoded and scored in a second.</param>
/// <param name="PerClass">The classes, in the model's order.</param>
internal sealed record Evaluation(
    string Inference, int Images, double Accuracy, double MacroAccuracy, double LogLoss, double ImagesPerSecond, IReadOnlyList<ClassEvaluation> PerClass)
{
    /// <summary>What <c>--reject</c> accepts; null without it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AcceptedImages? Accepted { get; init; }

    /// <param name="scored">The images.</param>
    /// <param name="classNames">The classes.</param>
    /// <param name="least">The lowest confidence that is accepted; null for all.</param>
    public static Evaluation Of(ScoredImages scored, IReadOnlyList<string> classNames, float? least = null)
    {
        var metrics = scored.Metrics;
        var counts = metrics.ConfusionMatrix.Counts;
        var classes = classNames.Select((name, i) => ClassEvaluation.Of(name, counts, i)).ToList();
        return new Evaluation(
            scored.Inference.ToString(), scored.Images.Count, metrics.MicroAccuracy, metrics.MacroAccuracy, metrics.LogLoss, scored.ImagesPerSecond, classes)
        {
            Accepted = least is { } confidence ? AcceptedImages.Of(scored, confidence) : null,
        };
    }
}

/// <summary>The images whose predictions are accepted.</summary>
/// <param name="Images">Number of them.</param>
/// <param name="Accuracy">Share of them whose class is predicted; null where there are none.</param>
/// <param name="RejectedRight">Number of the rejected images whose class is predicted.</param>
internal sealed record AcceptedImages(int Images, double? Accuracy, int RejectedRight)
{
    public static AcceptedImages Of(ScoredImages scored, float least)
    {
        var sides = Enumerable.Range(0, scored.Images.Count).ToLookup(image => scored.Confidences[image] >= least, scored.IsRight);
        return new AcceptedImages(sides[true].Count(), sides[true].Any() ? sides[true].Average(right => right ? 1.0 : 0) : null, sides[false].Count(right => right));
    }
}

/// <summary>A class of an evaluation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Images">Number of its images.</param>
/// <param name="Precision">Share of the images predicted to be of it that are; null where there are none.</param>
/// <param name="Recall">Share of its images that are predicted to be of it; null where there are none.</param>
/// <param name="F1">Harmonic mean of the two; null where it has no images.</param>
internal sealed record ClassEvaluation(string Name, int Images, double? Precision, double? Recall, double? F1)
{
    /// <param name="name">Its name.</param>
    /// <param name="counts">Numbers of images by true and by predicted class.</param>
    /// <param name="index">Its place among the classes.</param>
    public static ClassEvaluation Of(string name, IReadOnlyList<IReadOnlyList<double>> counts, int index)
    {
        double images = counts[index].Sum();
        double claimed = counts.Sum(row => row[index]);
        double right = counts[index][index];
        return new ClassEvaluation(
            name, (int)images, Share(right, claimed), Share(right, images), images == 0 ? null : 2 * right / (images + claimed));
    }

    private static double? Share(double part, double whole) => whole == 0 ? null : part / whole;
}
