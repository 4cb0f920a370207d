using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>How a trained network scores an image (Lee, Hwang and Shin, ICML 2020, aggregated inference and self-distillation).</summary>
public enum SlaInference
{
    /// <summary>One pass over the image as it is. For a joint head: the class given that the image is not transformed.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The paper's term: single inference.")]
    Single,

    /// <summary>M passes: the logits of the M views, averaged before the softmax.</summary>
    Aggregated,

    /// <summary>One pass through the class head that was distilled from the aggregated prediction.</summary>
    Distilled,
}
