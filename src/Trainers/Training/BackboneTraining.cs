namespace Microsoft.ML.Sla;

/// <summary>What becomes of the backbone in training.</summary>
public enum BackboneTraining
{
    /// <summary>All weights are trained.</summary>
    Full,

    /// <summary>
    /// The backbone stays as it was trained elsewhere, and the heads alone are trained. ONNX Runtime embeds the views of all images once; the
    /// heads are then trained to their optimum in seconds, with the L2 penalty that is best on the validation rows, or over three folds where
    /// there are none. For photos and few images, on a machine without a GPU.
    /// </summary>
    Frozen,
}
