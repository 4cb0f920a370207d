namespace Microsoft.ML.Sla;

/// <summary>
/// Values that the search and the command <c>sla</c> use by default. They suit trainings of minutes (docs/evidence/views-per-step.md).
/// The defaults of <see cref="SlaTrainer.Options"/> are the paper's values, which suit long trainings.
/// </summary>
public static class RecommendedOptions
{
    /// <summary>Two steps with two views each train better than one step with four views, in the same time.</summary>
    private const int FewViews = 2;

    /// <summary>Colour images with a shorter side below this are thumbnails, not photos.</summary>
    private const int SmallestPhoto = 96;

    /// <summary>Grey images with a shorter side below this are drawings or small scans.</summary>
    private const int SmallestGreyPhoto = 160;

    /// <summary>Width and height in pixels at which the networks for photos were trained, for images that start from one of them.</summary>
    public const int PhotoSide = 224;

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

    /// <summary>
    /// Whether images look like photos, so that a training on them does well to start from a network that was trained on photos, such as
    /// <see cref="Architecture.PretrainedResNet18"/>: colour images with a shorter side of 96 pixels or more, and grey ones of 160 or more.
    /// </summary>
    /// <param name="shorterSide">The shorter side of a typical image, in pixels, before it is resized.</param>
    /// <param name="areGrey">Whether the images are grey.</param>
    /// <returns>Whether they look like photos.</returns>
    public static bool LookLikePhotos(int shorterSide, bool areGrey) => shorterSide >= (areGrey ? SmallestGreyPhoto : SmallestPhoto);
}
