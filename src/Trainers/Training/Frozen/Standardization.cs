using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>A factor and a term for each value of an embedding.</summary>
/// <param name="Scale">The factors.</param>
/// <param name="Shift">The terms.</param>
internal sealed record Standardization(float[] Scale, float[] Shift)
{
    /// <summary>A value with a smaller deviation is taken as constant.</summary>
    private const double SmallestDeviation = 1e-6;

    /// <summary>Leaves embeddings as they are.</summary>
    public static Standardization None(int size) => new([.. Enumerable.Repeat(1f, size)], new float[size]);

    /// <summary>Gives each value of the untransformed views of images the mean 0 and the deviation 1.</summary>
    public static Standardization Of(EmbeddedImages images)
    {
        var (mean, deviation) = images.Statistics();
        float[] scale = Array.ConvertAll(deviation, value => value < SmallestDeviation ? 1 : (float)(1 / value));
        return new Standardization(scale, [.. mean.Zip(scale, (value, factor) => (float)(-value * factor))]);
    }

    /// <summary>Changes all embeddings of a store.</summary>
    public void Apply(EmbeddingStore store)
    {
        using Tensor factors = tensor(Scale), terms = tensor(Shift);
        store.Map(Scale.Length, rows => rows.mul_(factors).Add(terms));
    }
}
