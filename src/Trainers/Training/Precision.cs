namespace Microsoft.ML.Sla;

/// <summary>
/// The number format in which a backbone computes in training. Weights, gradients of weights, statistics of normalisations, heads and
/// losses are always 32-bit floats. So are validation and the trained model, except with <see cref="Int8"/>.
/// </summary>
public enum Precision
{
    /// <summary>
    /// <see cref="BFloat16"/> on a CPU that has instructions to multiply bfloat16 numbers (AVX512_BF16 or AMX), otherwise
    /// <see cref="Float32"/>. With <see cref="BackboneTraining.Frozen"/> it is <see cref="Int8"/> if the processor has instructions for it
    /// (AVX512_VNNI, AVX_VNNI, or the dot products of Arm) and the backbone is a plain residual network, such as
    /// <see cref="Architecture.PretrainedResNet18"/>; otherwise <see cref="Float32"/>.
    /// </summary>
    Auto,

#pragma warning disable CA1720 // Torch and its users call the type by this name.
    /// <summary>32-bit floats throughout.</summary>
    Float32,

    /// <summary>
    /// Images and activations are bfloat16, which halves their memory; sums of products are 32-bit. It runs on every processor, but slowly
    /// on one without instructions for it. Not allowed for custom backbones, which compute in their own precision.
    /// </summary>
    BFloat16,

    /// <summary>
    /// For <see cref="BackboneTraining.Frozen"/> alone. The backbone's convolutions and the sums of their results are 8-bit integers, in the
    /// training and in the trained model (Jacob et al. 2018). The ranges of values are measured on 64 training images. The trained model also
    /// keeps the weights in 32-bit floats. docs/evidence/photos.md has speed and accuracy.
    /// </summary>
    Int8,
#pragma warning restore CA1720
}
