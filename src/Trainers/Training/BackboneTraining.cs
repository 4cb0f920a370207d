namespace Microsoft.ML.Sla;

/// <summary>Whether a training changes the backbone.</summary>
public enum BackboneTraining
{
    /// <summary>The trainer trains all weights.</summary>
    Full,

    /// <summary>
    /// The trainer keeps a pretrained backbone unchanged, and trains the heads alone. ONNX Runtime computes the embeddings of all views once.
    /// The trainer then brings the heads to their optimum in seconds. It takes the L2 penalty that is best on the validation rows, or over three
    /// folds without validation rows. This suits photos, few images and machines without a GPU.
    /// </summary>
    Frozen,
}
