namespace Microsoft.ML.Sla;

/// <summary>Whether a training changes the backbone.</summary>
public enum BackboneTraining
{
    /// <summary>The trainer trains all weights.</summary>
    Full,

    /// <summary>
    /// The trainer keeps a pretrained backbone unchanged, and trains the heads alone. ONNX Runtime computes the embeddings of all views once.
    /// The trainer then brings the heads to their optimum in seconds. It takes the L2 penalty that is best on the validation rows, or over three
    /// folds without validation rows. A few-shot training has no heads, and finds a linear map of the embeddings instead. This suits photos, few images
    /// and machines without a GPU.
    /// </summary>
    Frozen,

    /// <summary>
    /// The trainer trains the heads as with <see cref="Frozen"/>, and then all weights, starting from these heads. If no epoch has a higher
    /// accuracy on the validation rows than the heads had before, the model is that of <see cref="Frozen"/>. With
    /// <see cref="SlaTrainer.Options.TrainingTime"/>, the network is trained in the time that the heads leave, for as many epochs as fit, at most about
    /// <see cref="SlaTrainer.Options.Epochs"/>, and not at all if none fits. A base augmentation that mirrors images is left out where the mirror image is
    /// a view, because the heads have learned to tell the two apart. This suits photos that differ from those that the backbone was trained on,
    /// where there is time. It needs a low learning rate, such as 0.001, and a few epochs.
    /// </summary>
    HeadsFirst,
}
