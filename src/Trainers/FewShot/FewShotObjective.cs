namespace Microsoft.ML.Sla;

/// <summary>The composition of an episode in few-shot training (Snell, Swersky and Zemel 2017; Lee, Hwang and Shin, ICML 2020).</summary>
public enum FewShotObjective
{
    /// <summary>Prototypical networks: N classes, untransformed images.</summary>
    Baseline,

    /// <summary>
    /// Views as further classes: each pair of a class and a transformation is a separate class, and an episode has N of these pairs. Usual
    /// for characters, with rotations.
    /// </summary>
    ViewsAsClasses,

    /// <summary>
    /// Self-supervised label augmentation: N classes with all M views of each image. An episode is a task of N*M pairs of class and
    /// transformation.
    /// </summary>
    Sla,
}
