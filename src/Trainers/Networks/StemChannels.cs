namespace Microsoft.ML.Sla.Networks;

/// <summary>Fits the first convolution to images of another number of channels.</summary>
internal static class StemChannels
{
    /// <summary>
    /// Of 3 channels to 1: the sum over the channels, as a grey image has the same value in all of them. Of 1 channel to 3: a third
    /// for each.
    /// </summary>
    /// <returns>The convolution, or null where that is not the difference.</returns>
    public static (long[] Shape, float[] Values)? Adapt((long[] Shape, float[] Values) weight, long[] wanted)
    {
        var (shape, values) = weight;
        bool differsInChannels = shape.Length == 4 && wanted.Length == 4 && shape[0] == wanted[0] && shape[2] == wanted[2] && shape[3] == wanted[3];
        if (!differsInChannels || (shape[1], wanted[1]) is not ((3, 1) or (1, 3)))
            return null;

        int pixels = (int)(shape[2] * shape[3]);
        return (wanted, shape[1] == 3
            ? [.. values.Chunk(3 * pixels).SelectMany(filter => Enumerable.Range(0, pixels).Select(i => filter[i] + filter[i + pixels] + filter[i + (2 * pixels)]))]
            : [.. values.Chunk(pixels).SelectMany(filter => Enumerable.Repeat(filter.Select(value => value / 3), 3).SelectMany(plane => plane))]);
    }
}
