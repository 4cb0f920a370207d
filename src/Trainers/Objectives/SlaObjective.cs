using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla;

/// <summary>What the network is trained to minimise (Lee, Hwang and Shin, ICML 2020).</summary>
public enum SlaObjective
{
    /// <summary>Cross-entropy of the class on the untransformed image, as in an ordinary classifier.</summary>
    Baseline,

    /// <summary>
    /// Cross-entropy of the class on all M views. The transformations are plain data augmentation, which makes the network invariant to
    /// them.
    /// </summary>
    DataAugmentation,

    /// <summary>Cross-entropy of the class plus, with a second head, cross-entropy of the transformation, on all M views.</summary>
    MultiTask,

    /// <summary>Self-supervised label augmentation: cross-entropy of the joint label (class, transformation) on all M views.</summary>
    Sla,

    /// <summary>
    /// SLA plus a class head that learns the aggregated prediction of the M views. One pass through this head scores nearly as well as all M
    /// passes.
    /// </summary>
    SlaSelfDistillation,
}

/// <summary>The class behind each objective.</summary>
internal static class SlaObjectives
{
    public static Objective Create(SlaObjective objective, int classes, int views, ObjectiveSettings settings) => objective switch
    {
        SlaObjective.Baseline => new Baseline(classes, settings),
        SlaObjective.DataAugmentation => new DataAugmentation(classes, views, settings),
        SlaObjective.MultiTask => new MultiTask(classes, views, settings),
        SlaObjective.Sla => new LabelAugmentation(classes, views, settings),
        SlaObjective.SlaSelfDistillation => new SelfDistillation(classes, views, settings),
        _ => throw new ArgumentOutOfRangeException(nameof(objective), objective, "There is no such objective."),
    };
}
