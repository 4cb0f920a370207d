namespace Microsoft.ML.Sla.Files;

/// <summary>New files that only this user can open, under names that nobody can foresee.</summary>
internal static class PrivateFile
{
    /// <summary>Makes a file. It neither opens a file that exists nor follows a link.</summary>
    /// <param name="folder">Its folder, which must exist.</param>
    /// <param name="start">How its name begins.</param>
    /// <param name="extension">How its name ends.</param>
    /// <param name="share">What others may do while it is open.</param>
    /// <param name="length">Bytes of disk space to reserve.</param>
    /// <exception cref="IOException">The folder takes no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written to.</exception>
    public static FileStream Create(string folder, string start, string extension, FileShare share, long length = 0)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = share,
            BufferSize = 0,
            PreallocationSize = length,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(Path.Combine(folder, $"{start}{Guid.NewGuid():N}{extension}"), options);
    }
}
