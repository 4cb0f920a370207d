namespace Microsoft.ML.Sla;

/// <summary>What the network is trained to minimise (paper, sections 3.1 to 3.3).</summary>
public enum SlaObjective
{
    /// <summary>Cross-entropy of the class on the image as it is: what every other trainer does.</summary>
    Baseline,

    /// <summary>Self-supervised label augmentation: cross-entropy of the joint label (class, transformation) on all M views (equation 4).</summary>
    Sla,

    /// <summary>
    /// SLA, and a class head that learns the aggregated prediction of the M views, so that one pass scores nearly as well as
    /// all M (equation 6).
    /// </summary>
    SlaSelfDistillation,
}
