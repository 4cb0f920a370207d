using System.Buffers.Binary;
using SkiaSharp;

namespace Microsoft.ML.Sla.Images;

/// <summary>
/// Reads the orientation from the eXIf chunk of a PNG file. The decoder itself only reads those of JPEG and WebP files.
/// </summary>
internal static class ExifOrientation
{
    private const int SignatureLength = 8;
    private const int ChunkOverhead = 12; // length, type, check sum
    private const int EntryLength = 12;
    private const ushort OrientationTag = 0x112;
    private const ushort ShortType = 3;

    /// <summary>The orientation of a PNG file; upright if the file has none.</summary>
    public static SKEncodedOrigin OfPng(ReadOnlySpan<byte> file)
    {
        var rest = file[SignatureLength..];
        while (rest.Length >= ChunkOverhead)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkOverhead)
                break;
            if (rest[4..].StartsWith("eXIf"u8))
                return OfTiff(rest.Slice(8, (int)length));
            rest = rest[(ChunkOverhead + (int)length)..];
        }

        return SKEncodedOrigin.Default;
    }

    /// <summary>
    /// The orientation in a block of tags. The block has a byte order and the position of the first directory, which has a number of
    /// entries.
    /// </summary>
    private static SKEncodedOrigin OfTiff(ReadOnlySpan<byte> block)
    {
        bool isLittleEndian = block.StartsWith("II"u8);
        if (block.Length < 8 || !(isLittleEndian || block.StartsWith("MM"u8)))
            return SKEncodedOrigin.Default;

        uint start = Int32(block[4..], isLittleEndian);
        if (start > block.Length - 2)
            return SKEncodedOrigin.Default;

        var entries = block[(int)start..];
        int count = Int16(entries, isLittleEndian);
        for (entries = entries[2..]; count > 0 && entries.Length >= EntryLength; count--, entries = entries[EntryLength..])
        {
            int value = Int16(entries[8..], isLittleEndian);
            if (Int16(entries, isLittleEndian) == OrientationTag && Int16(entries[2..], isLittleEndian) == ShortType
                && Int32(entries[4..], isLittleEndian) == 1 && value is >= 1 and <= 8)
            {
                return (SKEncodedOrigin)value;
            }
        }

        return SKEncodedOrigin.Default;
    }

    private static ushort Int16(ReadOnlySpan<byte> bytes, bool isLittleEndian) =>
        isLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint Int32(ReadOnlySpan<byte> bytes, bool isLittleEndian) =>
        isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
