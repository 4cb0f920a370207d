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
            File.Create(TemporaryName(path), bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"'{path}' cannot be written: {exception.Message}", exception);
        }
    }

    /// <summary>Writes under another name, and renames the file when it is complete.</summary>
    /// <exception cref="IOException">The file cannot be written, because the disk is full for example; nothing is left of it.</exception>
    public static void Write(string path, Action<string> write)
    {
        string temporary = TemporaryName(path);
        try
        {
            write(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{path}' could not be written: {exception.Message}", exception);
        }
        finally
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
        }
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static string TemporaryName(string path) => Path.Combine(FolderOf(path), $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
}
