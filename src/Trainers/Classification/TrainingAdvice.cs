using System.Globalization;
using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla.Classification;

/// <summary>Advice for the log, before a training whose options do not suit its images. It is null if they do.</summary>
internal static class TrainingAdvice
{
    /// <summary>Classes count as uneven from this ratio of the largest to the smallest.</summary>
    private const int UnevenRatio = 5;

    /// <summary>
    /// How often a training from scratch should show an image under each transformation for SLA to beat the baseline
    /// (docs/evidence/studies/exposure.md; for equal time docs/evidence/equal-time.md).
    /// </summary>
    private const int EnoughViews = 20;

    /// <summary>Advice for classes of uneven sizes, if no option corrects for them.</summary>
    /// <param name="options">The options.</param>
    /// <param name="classes">Name and number of training images of each class.</param>
    public static string? OnUnevenClasses(SlaTrainer.Options options, IEnumerable<(string Name, int Images)> classes)
    {
        if (options.BalancedSampling || options.ClassWeighting is not NoWeighting || options.ClassificationLoss.KnowsClassCounts)
            return null;

        var present = classes.Where(entry => entry.Images > 0).ToList();
        var (smallestName, smallest) = present.MinBy(entry => entry.Images);
        var (largestName, largest) = present.MaxBy(entry => entry.Images);
        if (largest < UnevenRatio * smallest)
            return null;

        return string.Create(CultureInfo.InvariantCulture,
            $"The classes are uneven: '{largestName}' has {largest} training images, {(double)largest / smallest:F1} times as many as '{smallestName}', which has {smallest}. ")
            + "The network may hardly learn small classes. Try BalancedSampling = true, or ClassificationLoss = ClassificationLoss.Ldam() with "
            + "ClassWeighting = ClassWeighting.ClassBalanced() and DeferredReweighting = 0.8, and compare macro accuracy.";
    }

    /// <summary>Advice for classes that the label column's key has, and no row.</summary>
    /// <param name="classes">Name and number of training images of each class.</param>
    public static string? OnAbsentClasses(IEnumerable<(string Name, int Images)> classes)
    {
        const int Named = 5;
        var all = classes.ToList();
        string[] absent = [.. all.Where(entry => entry.Images == 0).Select(entry => $"'{entry.Name}'")];
        if (absent.Length == 0)
            return null;

        return $"The label column has {all.Count} classes, and {absent.Length} of them {(absent.Length == 1 ? "has" : "have")} no training image: {string.Join(", ", absent.Take(Named))}{(absent.Length > Named ? ", ..." : "")}. "
            + "The model has a probability for each of them all the same. If that is not meant, fit MapValueToKey on the training rows.";
    }

    /// <summary>Advice for a training from scratch that shows images too seldom under each transformation.</summary>
    /// <param name="options">The options.</param>
    /// <param name="epochs">The epochs of the training; of one that has a time, those that it had when the time was over.</param>
    public static string? OnFewViews(SlaTrainer.Options options, double epochs)
    {
        int views = options.LearnedTransformations.Count, drawn = options.LearnedViewsPerStep;
        double shown = epochs * drawn / views;
        if (options.Objective is not (SlaObjective.Sla or SlaObjective.SlaSelfDistillation) || shown >= EnoughViews)
            return null;

        string more = options.TrainingTime is { } time
            ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds * EnoughViews / shown):0} seconds of TrainingTime")
            : $"{(int)Math.Ceiling((double)EnoughViews * views / drawn)} Epochs";
        return string.Create(CultureInfo.InvariantCulture,
            $"an image is trained on {shown:0.#} times under each of the {views} transformations, which is few: SLA beat the baseline from about {EnoughViews} times. ")
            + $"Try {more}, fewer transformations, such as TransformationSet.Rotation2, or SlaObjective.Baseline, and compare.";
    }
}
