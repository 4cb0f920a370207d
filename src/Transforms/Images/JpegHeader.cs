using System.Buffers.Binary;

namespace Microsoft.ML.Sla.Images;

/// <summary>What a JPEG file says of itself before its pixels.</summary>
internal static class JpegHeader
{
    /// <summary>Whether it has four colour components. False for what is no JPEG file.</summary>
    public static bool IsCmyk(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8]))
            return false;

        // Segments: FF, a marker, and a length that counts itself. Frames have the markers C0 to CF but for C4, C8 and CC.
        for (int place = 2; place + 10 < file.Length && file[place] == 0xFF; place += 2 + BinaryPrimitives.ReadUInt16BigEndian(file[(place + 2)..]))
        {
            if (file[place + 1] is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
                return file[place + 9] == 4;
        }

        return false;
    }
}
