using System.IO.Compression;
using System.IO.Hashing;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Reads a whole entry of a zip archive within limits, and verifies its checksum.</summary>
internal static class ArchiveEntry
{
    /// <summary>Entries up to this size, in bytes, are read regardless of their compression.</summary>
    private const long AlwaysRead = 64 << 20;

    /// <summary>Weights hardly compress. An entry that shrinks to less than a twentieth is not a model, but a file made to exhaust memory.</summary>
    private const long LargestRatio = 20;

    /// <exception cref="InvalidDataException">The entry is too large for its archive, truncated, or damaged.</exception>
    public static byte[] Read(ZipArchiveEntry entry)
    {
        long limit = Math.Min(Array.MaxLength, Math.Max(AlwaysRead, LargestRatio * entry.CompressedLength));
        if (entry.Length > limit)
        {
            throw new InvalidDataException(
                $"the entry '{entry.FullName}' declares {entry.Length} bytes and has {entry.CompressedLength} in the archive, which may hold {limit} at most.");
        }

        byte[] bytes = new byte[entry.Length];
        using var stream = entry.Open();
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length || stream.ReadByte() >= 0)
            throw new InvalidDataException($"the entry '{entry.FullName}' is shorter or longer than the {entry.Length} bytes that it declares.");
        if (Crc32.HashToUInt32(bytes) != entry.Crc32)
            throw new InvalidDataException($"the checksum of the entry '{entry.FullName}' is wrong. Copy the file again, or save the model again.");
        return bytes;
    }
}
