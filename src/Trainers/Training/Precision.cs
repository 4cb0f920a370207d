namespace Microsoft.ML.Sla;

/// <summary>
/// The number format in which a backbone computes in training. Weights, gradients of weights, statistics of normalisations, heads,
/// losses, validation and the trained model are always 32-bit floats.
/// </summary>
public enum Precision
{
    /// <summary>
    /// <see cref="BFloat16"/> on a CPU that has instructions to multiply bfloat16 numbers (AVX512_BF16 or AMX), otherwise
    /// <see cref="Float32"/>.
    /// </summary>
    Auto,

#pragma warning disable CA1720 // Torch and its users call the type by this name.
    /// <summary>32-bit floats throughout.</summary>
    Float32,
#pragma warning restore CA1720

    /// <summary>
    /// Images and activations are bfloat16, which halves their memory; sums of products are 32-bit. It runs on every processor, but slowly
    /// on one without instructions for it. Not allowed for custom backbones, which compute in their own precision.
    /// </summary>
    BFloat16,
}
