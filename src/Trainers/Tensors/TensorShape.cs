namespace Microsoft.ML.Sla.Tensors;

/// <summary>Arithmetic on the sides of tensors that a file declares.</summary>
internal static class TensorShape
{
    /// <summary>Bytes of a tensor; null if a side is below 0 or the number does not fit into 64 bits.</summary>
    public static long? Bytes(IEnumerable<long> sides, int valueBytes)
    {
        long bytes = valueBytes;
        foreach (long side in sides)
        {
            if (side < 0 || (side > 0 && bytes > long.MaxValue / side))
                return null;
            bytes *= side;
        }

        return bytes;
    }
}
