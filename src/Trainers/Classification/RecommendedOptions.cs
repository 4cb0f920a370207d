namespace Microsoft.ML.Sla;

/// <summary>
/// Values that the search and the command <c>sla</c> use by default. They suit trainings of minutes (docs/evidence/views-per-step.md).
/// The defaults of <see cref="SlaTrainer.Options"/> are the paper's values, which suit long trainings.
/// </summary>
public static class RecommendedOptions
{
    /// <summary>Two steps with two views each train better than one step with four views, in the same time.</summary>
    private const int FewViews = 2;

    /// <summary>The schedule of the learning rate: one cycle.</summary>
    public const LearningRateSchedule Schedule = LearningRateSchedule.OneCycle;

    /// <summary>The number of views of an image in a step: two, or one if the set has only one.</summary>
    /// <param name="transformations">The views.</param>
    /// <returns>A value for <see cref="SlaTrainer.Options.ViewsPerStep"/>.</returns>
    public static int ViewsPerStep(TransformationSet transformations)
    {
        ArgumentNullException.ThrowIfNull(transformations);
        return Math.Min(FewViews, transformations.Count);
    }
}
