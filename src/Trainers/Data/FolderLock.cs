namespace Microsoft.ML.Sla.Data;

/// <summary>Holds a folder for one user at a time. The lock ends with the process, even if that is killed.</summary>
/// <remarks>
/// It is a file that is held open. On Unix the lock belongs to the open file and not to its name. So whoever has taken it looks whether the file
/// still has the name: the user before may have deleted it between the opening and the lock.
/// </remarks>
internal sealed class FolderLock : IDisposable
{
    private const int Tries = 100;

    private readonly string _path;
    private readonly FileStream _file;

    private FolderLock(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The file of the lock. Its folder must exist.</param>
    /// <returns>The lock; null if somebody else has it.</returns>
    /// <exception cref="IOException">There is a link of that name, or the folder takes no file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written to.</exception>
    public static FolderLock? TryTake(string path)
    {
        for (int i = 0; i < Tries; i++)
        {
            RefuseLink(path);
            var file = TryOpen(path);
            if (file is null)
                return null;
            if (HasName(file, path))
                return new FolderLock(path, file);
            file.Dispose();
        }

        return null;
    }

    /// <summary>Refuses a link, which could lead to a file that is not the library's.</summary>
    /// <exception cref="IOException">The path is a link.</exception>
    public static void RefuseLink(string path)
    {
        if (new FileInfo(path).LinkTarget is { } target)
            throw new IOException($"'{path}' is a link to '{target}', and not a file of this library. Delete the link, or give another folder.");
    }

    public void Dispose()
    {
        try
        {
            // Windows deletes it when it is closed. Elsewhere the name goes first, while nobody else can have the lock.
            if (!OperatingSystem.IsWindows())
                File.Delete(_path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, or can no longer be written to. A file that is left is no lock once it is closed.
        }

        _file.Dispose();
    }

    private static FileStream? TryOpen(string path)
    {
        const int WindowsSharingViolation = unchecked((int)0x80070020);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None);
        }
        catch (IOException exception) when (exception.HResult == WindowsSharingViolation || exception.HResult == WouldBlock)
        {
            return null;
        }
    }

    /// <summary>The number of the error EWOULDBLOCK.</summary>
    private static int WouldBlock => OperatingSystem.IsLinux() ? 11 : 35;

    /// <summary>Whether the path leads to the open file: whether it has the random time that the open file gets.</summary>
    private static bool HasName(FileStream file, string path)
    {
        if (OperatingSystem.IsWindows())
            return true;
        File.SetLastWriteTimeUtc(file.SafeFileHandle, DateTime.UnixEpoch.AddSeconds(Random.Shared.Next()));
        return File.GetLastWriteTimeUtc(path) == File.GetLastWriteTimeUtc(file.SafeFileHandle);
    }
}
