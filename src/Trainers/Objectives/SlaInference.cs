using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>How a trained network scores an image (Lee, Hwang and Shin, ICML 2020, aggregated inference and self-distillation).</summary>
public enum SlaInference
{
    /// <summary>One pass over the untransformed image. A joint head gives the class under the condition that the image is not transformed.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The paper's term: single inference.")]
    Single,

    /// <summary>M passes: the logits of the M views are averaged before the softmax.</summary>
    Aggregated,

    /// <summary>One pass through the class head, which was trained to predict what Aggregated predicts.</summary>
    Distilled,
}
