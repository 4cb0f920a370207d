namespace Microsoft.ML.Sla;

/// <summary>
/// The numbers that a backbone computes with in training. Weights, gradients of weights, statistics of normalisations, heads,
/// losses, validation and the trained model are 32-bit floats in each case.
/// </summary>
public enum Precision
{
    /// <summary>
    /// <see cref="BFloat16"/> on a CPU that multiplies such numbers by instructions of its own (AVX512_BF16 or AMX), otherwise
    /// <see cref="Float32"/>.
    /// </summary>
    Auto,

#pragma warning disable CA1720 // The name that torch and users have for it.
    /// <summary>32-bit floats throughout.</summary>
    Float32,
#pragma warning restore CA1720

    /// <summary>
    /// Images and activations as bfloat16, of half the memory, multiplied with sums in 32 bits. It runs anywhere, and slowly where
    /// the processor has no instructions for it. Not for custom backbones, which are trained by their own forward.
    /// </summary>
    BFloat16,
}
