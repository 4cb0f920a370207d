namespace Microsoft.ML.Sla;

/// <summary>What an episode of few-shot training is made of (Snell, Swersky and Zemel 2017; Lee, Hwang and Shin, ICML 2020).</summary>
public enum FewShotObjective
{
    /// <summary>Prototypical networks: N classes, images as they are.</summary>
    Baseline,

    /// <summary>
    /// Views as plain further classes: each pair of a class and a transformation is a class of its own, and an episode has N of the
    /// pairs. Usual for characters, with rotations.
    /// </summary>
    ViewsAsClasses,

    /// <summary>
    /// Self-supervised label augmentation: N classes with all M views of each image, so that an episode is a task of N*M pairs of class
    /// and transformation.
    /// </summary>
    Sla,
}
