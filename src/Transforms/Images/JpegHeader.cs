using System.Buffers.Binary;

namespace Microsoft.ML.Sla.Images;

/// <summary>What a JPEG file says of itself before its pixels.</summary>
/// <param name="Components">
/// Number of colour components: 1 for grey, 3 for colour, 4 for printing colours. 0 where it does not say.
/// </param>
/// <param name="IsInOneScan">
/// Whether the pixels follow one another, so that a decoder needs a few rows of them. Otherwise (progressive, or colour
/// after colour) it holds the whole image, 2 bytes for each value, before it has the first pixel.
/// </param>
internal readonly record struct JpegHeader(int Components, bool IsInOneScan)
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;

    /// <summary>Whether its colours are those of printing.</summary>
    public bool IsCmyk => Components == 4;

    /// <summary>Reads what is before the first scan.</summary>
    public static JpegHeader Read(ReadOnlySpan<byte> file)
    {
        int components = 0;
        bool isSequential = false;

        // What is between segments, and all but the last FF before a marker, is passed over, as the decoder does.
        int place = 2;
        while (NextMarker(file, ref place) is { } marker and not EndOfImage)
        {
            if (HasNoLength(marker))
                continue;
            if (place + 2 > file.Length)
                break;

            var segment = file[place..];
            int length = BinaryPrimitives.ReadUInt16BigEndian(segment); // counts itself
            if (length < 2 || length > segment.Length)
                break;
            if (IsFrame(marker) && length > 7 && components == 0)
                (components, isSequential) = (segment[7], marker is 0xC0 or 0xC1);
            else if (marker == StartOfScan)
                return new JpegHeader(components, isSequential && length > 2 && segment[2] == components);
            place += length;
        }

        return new JpegHeader(components, IsInOneScan: false);
    }

    /// <summary>The marker after the next FF, and the place behind it; null at the end.</summary>
    private static byte? NextMarker(ReadOnlySpan<byte> file, ref int place)
    {
        while (file[place..].IndexOf((byte)0xFF) is >= 0 and int passed)
        {
            place += passed;
            while (place < file.Length && file[place] == 0xFF)
                place++;
            if (place < file.Length && file[place++] is not 0 and byte marker)
                return marker;
        }

        return null;
    }

    private static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    private static bool HasNoLength(byte marker) => marker is 0x01 or (>= 0xD0 and <= 0xD8);
}
