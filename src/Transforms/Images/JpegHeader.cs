using System.Buffers.Binary;

namespace Microsoft.ML.Sla.Images;

/// <summary>The header of a JPEG file.</summary>
/// <param name="Components">
/// Number of colour components: 1 for grey, 3 for colour, 4 for printing colours; 0 if the file does not declare it.
/// </param>
/// <param name="IsInOneScan">
/// Whether the file stores its pixels in one scan, so that a decoder holds only a few rows. For other files (progressive, or one colour
/// after another) the decoder holds the whole image, 2 bytes for each value, before it has the first pixel.
/// </param>
internal readonly record struct JpegHeader(int Components, bool IsInOneScan)
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;

    /// <summary>Whether the file has the printing colours CMYK.</summary>
    public bool IsCmyk => Components == 4;

    /// <summary>Reads the segments before the first scan.</summary>
    public static JpegHeader Read(ReadOnlySpan<byte> file)
    {
        int components = 0;
        bool isSequential = false;

        // Skips bytes between segments, and repeated FF before a marker, because the decoder does.
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

    /// <summary>The marker after the next FF; null at the end. Moves the place behind the marker.</summary>
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
