using System.IO.Compression;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>The entries of a zip archive.</summary>
internal static class ArchiveFile
{
    private static readonly DateTimeOffset OneTime = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static List<(string Name, byte[] Bytes)> Read(byte[] file)
    {
        using var archive = new ZipArchive(new MemoryStream(file));
        return [.. archive.Entries.Select(entry =>
        {
            using var stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return (entry.FullName, bytes.ToArray());
        })];
    }

    /// <summary>Writes an archive with right sizes and checksums. The same entries give the same bytes, at any time.</summary>
    public static byte[] Write(IEnumerable<(string Name, byte[] Bytes)> entries, CompressionLevel level)
    {
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in entries)
            {
                var entry = archive.CreateEntry(name, level);
                entry.LastWriteTime = OneTime;
                using var stream = entry.Open();
                stream.Write(bytes);
            }
        }

        return file.ToArray();
    }
}
