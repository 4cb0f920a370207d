namespace Microsoft.ML.Sla.Data;

/// <summary>Writes a whole file or nothing, even if the process or the machine dies meanwhile.</summary>
internal static class ReplacedFile
{
    private const string Extension = ".tmp";

    /// <summary>Replaces a file, or makes it. The new content is on the disk before it has the name, and a link of that name is not followed.</summary>
    /// <param name="path">The file. Its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The disk is full, or the folder takes no file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string unfinished = $"{path}.{Guid.NewGuid():N}{Extension}";
        try
        {
            using (var stream = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            if (File.Exists(unfinished))
                File.Delete(unfinished);
            throw;
        }
    }

    /// <summary>Whether a file is what a killed process left of a <see cref="Write"/>.</summary>
    /// <param name="name">The name of the file.</param>
    /// <param name="whole">The name of the file that it was to replace.</param>
    public static bool IsUnfinished(string name, string whole) =>
        name.StartsWith(whole + ".", StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal);

    /// <summary>Deletes what killed processes left. Nobody may be writing the file.</summary>
    public static void DeleteUnfinished(string path)
    {
        string name = Path.GetFileName(path);
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(path)!).Where(file => IsUnfinished(Path.GetFileName(file), name)))
            File.Delete(file);
    }
}
