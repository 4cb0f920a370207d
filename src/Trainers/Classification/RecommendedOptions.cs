namespace Microsoft.ML.Sla;

/// <summary>
/// What the search and the command <c>sla</c> take where nobody says otherwise. <see cref="SlaTrainer.Options"/> has the paper's values, which
/// suit long trainings; these suit trainings of minutes (docs/evidence/views-per-step.md).
/// </summary>
public static class RecommendedOptions
{
    /// <summary>In the time of a step with four views, two steps with two are better.</summary>
    private const int FewViews = 2;

    /// <summary>The schedule of the learning rate: one cycle.</summary>
    public const LearningRateSchedule Schedule = LearningRateSchedule.OneCycle;

    /// <summary>How many views of an image a step shows: two, or one where the set has one.</summary>
    /// <param name="transformations">The views.</param>
    /// <returns>A value for <see cref="SlaTrainer.Options.ViewsPerStep"/>.</returns>
    public static int ViewsPerStep(TransformationSet transformations)
    {
        ArgumentNullException.ThrowIfNull(transformations);
        return Math.Min(FewViews, transformations.Count);
    }
}
