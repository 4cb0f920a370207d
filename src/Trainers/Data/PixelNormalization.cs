namespace Microsoft.ML.Sla;

/// <summary>The normalisation of pixels for a network: (value - mean) / deviation for each channel, with values of 0 to 1.</summary>
public sealed record PixelNormalization
{
    private const float LargestByte = 255;

    /// <summary>Makes a normalisation of these means and deviations.</summary>
    /// <param name="mean">The means: one value for all channels, or three values for red, green and blue.</param>
    /// <param name="standardDeviation">The standard deviations, as many as means, above 0.</param>
    /// <exception cref="ArgumentException">There are not one or three values of each, or a value is out of its range.</exception>
    public PixelNormalization(IReadOnlyList<float> mean, IReadOnlyList<float> standardDeviation)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(standardDeviation);
        if (mean.Count is not (1 or 3) || standardDeviation.Count != mean.Count)
            throw new ArgumentException($"A normalisation has one mean and deviation for all channels, or three of each, and not {mean.Count} and {standardDeviation.Count}.");
        if (!mean.All(float.IsFinite) || !standardDeviation.All(value => value > 0 && float.IsFinite(value)))
            throw new ArgumentException($"The means ({string.Join(", ", mean)}) must be numbers, and the deviations ({string.Join(", ", standardDeviation)}) above 0.");
        if (!standardDeviation.All(value => float.IsNormal(1 / (LargestByte * value))) || !mean.Zip(standardDeviation).All(pair => float.IsFinite(pair.First / pair.Second)))
            throw new ArgumentException($"The means ({string.Join(", ", mean)}) or deviations ({string.Join(", ", standardDeviation)}) are too far from the values of pixels, which are 0 to 1.");
        Mean = [.. mean];
        StandardDeviation = [.. standardDeviation];
    }

    /// <summary>Maps pixels to -1 to 1. The default of a training from scratch (docs/method.md, training).</summary>
    public static PixelNormalization MinusOneToOne { get; } = new([0.5f], [0.5f]);

    /// <summary>The means and deviations of ImageNet's pixels. The weights of torchvision and most other published weights were trained with it.</summary>
    public static PixelNormalization ImageNet { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>The means.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>The deviations.</summary>
    public IReadOnlyList<float> StandardDeviation { get; }

    /// <summary>Compares by value.</summary>
    public bool Equals(PixelNormalization? other) =>
        other is not null && Mean.SequenceEqual(other.Mean) && StandardDeviation.SequenceEqual(other.StandardDeviation);

    /// <summary>A hash of the values.</summary>
    public override int GetHashCode() => HashCode.Combine(Mean[0], StandardDeviation[0], Mean.Count);

    /// <summary>The values, such as <c>mean 0.5, deviation 0.5</c>.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"mean {string.Join(' ', Mean)}, deviation {string.Join(' ', StandardDeviation)}");

    /// <summary>The factor on byte values and the offset added to the product, for each channel. Grey images use the averages of three channels.</summary>
    internal (float[] Scale, float[] Offset) ForBytes(int channels)
    {
        float[] means = [.. Enumerable.Range(0, channels).Select(channel => Value(Mean, channel, channels))];
        float[] deviations = [.. Enumerable.Range(0, channels).Select(channel => Value(StandardDeviation, channel, channels))];
        return ([.. deviations.Select(deviation => 1 / (LargestByte * deviation))], [.. means.Zip(deviations, (mean, deviation) => -mean / deviation)]);
    }

    private static float Value(IReadOnlyList<float> values, int channel, int channels) =>
        values.Count == channels ? values[channel] : values.Average();
}
