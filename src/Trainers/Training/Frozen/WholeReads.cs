using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Reads of a number of bytes. The system may read fewer at a time.</summary>
internal static class WholeReads
{
    /// <summary>Reads from a position, until there are all bytes.</summary>
    /// <param name="file">The file.</param>
    /// <param name="position">The position of the first byte.</param>
    /// <param name="bytes">Receives the bytes.</param>
    /// <returns>Whether the file has all of them.</returns>
    /// <exception cref="IOException">The disk does not read.</exception>
    public static bool TryReadAt(this SafeFileHandle file, long position, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int read = RandomAccess.Read(file, bytes, position);
            if (read == 0)
                return false;
            position += read;
            bytes = bytes[read..];
        }

        return true;
    }
}
