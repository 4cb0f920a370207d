namespace Sla;

/// <summary>Writes a file completely or not at all.</summary>
internal static class OutputFile
{
    /// <summary>Finds out before any work whether the file can be written.</summary>
    /// <exception cref="InputException">It cannot.</exception>
    public static void Check(string path)
    {
        string folder = FolderOf(path);
        if (Directory.Exists(path))
            throw new InputException($"'{path}' is a folder. Give the name of a file.");
        if (!Directory.Exists(folder))
            throw new InputException($"'{Path.GetFileName(path)}' cannot be written: there is no folder '{folder}'. Make it first: {ShellCommand.Of("mkdir", "-p", folder)}");
        try
        {
            Create(TemporaryName(path), FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"'{path}' cannot be written: {exception.Message}", exception);
        }
    }

    /// <summary>Checks a file as <see cref="Check"/> does, and keeps other commands from writing it until the result is disposed.</summary>
    /// <exception cref="InputException">It cannot be written, or another command has it.</exception>
    public static IDisposable Take(string path)
    {
        Check(path);
        string name = Path.Combine(FolderOf(path), $".{Path.GetFileName(path)}.lock");
        try
        {
            // The system lets go of it when the process ends, however it ends.
            return new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"Another command is about to write '{path}'. Wait for its end, or give another file as --model.", exception);
        }
    }

    /// <summary>Writes under another name, and renames the file when it is complete and on the disk.</summary>
    /// <exception cref="IOException">The file cannot be written, because the disk is full for example; nothing is left of it.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = TemporaryName(path);
        bool isCreated = false;
        try
        {
            using (var stream = Create(temporary, FileOptions.None))
            {
                isCreated = true;
                write(stream);

                // A rename may reach the disk before the bytes do.
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            isCreated = false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{path}' could not be written: {exception.Message}", exception);
        }
        finally
        {
            if (isCreated)
                File.Delete(temporary);
        }
    }

    private static FileStream Create(string path, FileOptions options) => new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16, options);

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    /// <summary>A name that nobody can have made a link of.</summary>
    private static string TemporaryName(string path) => Path.Combine(FolderOf(path), $".{Guid.NewGuid():N}.tmp");
}
