using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Microsoft.ML.Sla.Native;

/// <summary>Keeps changed copies of native libraries in files, because the dynamic loader only reads files.</summary>
[SupportedOSPlatform("linux")]
internal static class LibraryCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The directory of this user's copies. It may not exist yet.</summary>
    public static string UserDirectory => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "Microsoft.ML.Sla",
        "native");

    /// <summary>
    /// Loads the library from its copy in the directory, or from a temporary file if that directory cannot be used.
    /// </summary>
    /// <exception cref="IOException">Neither place can hold a library; the message names both.</exception>
    public static void Load(string directory, string fileName, byte[] library)
    {
        try
        {
            NativeLibrary.Load(Store(directory, fileName, library));
        }
        catch (Exception e) when (IsUnusable(e))
        {
            LoadTemporary(fileName, library, $"'{directory}' ({e.Message})");
        }
    }

    /// <summary>Writes the library into the directory, unless it is there already, and returns its path.</summary>
    /// <remarks>
    /// Each content has a separate file. A rename creates the file, so that another process sees all of it or nothing. A
    /// process that has loaded a damaged file keeps its own mapping.
    /// </remarks>
    public static string Store(string directory, string fileName, byte[] library)
    {
        string key = Convert.ToHexStringLower(SHA256.HashData(library).AsSpan(0, 8));
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(directory, key), OwnerOnly).FullName, fileName);
        if (!Holds(path, library))
            Write(path, library);
        return path;
    }

    private static void LoadTemporary(string fileName, byte[] library, string triedBefore)
    {
        try
        {
            // Each process has a new directory, because one with a known name could belong to another user.
            DirectoryInfo directory = Directory.CreateTempSubdirectory("Microsoft.ML.Sla-");
            try
            {
                NativeLibrary.Load(Store(directory.FullName, fileName, library));
            }
            finally
            {
                // The loaded library stays in memory without its file.
                directory.Delete(recursive: true);
            }
        }
        catch (Exception e) when (IsUnusable(e))
        {
            throw new IOException(
                $"This system needs a changed copy of {fileName}, which could be loaded neither from {triedBefore} "
                + $"nor from '{Path.GetTempPath()}' ({e.Message}). "
                + "Set XDG_DATA_HOME or TMPDIR to a directory that can be written to and may hold executable files.",
                e);
        }
    }

    private static bool Holds(string path, byte[] library) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(library);

    private static void Write(string path, byte[] library)
    {
        string unfinished = $"{path}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllBytes(unfinished, library);
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    // Includes copies that do not load, because the file system may forbid executable files.
    private static bool IsUnusable(Exception e) => e is IOException or UnauthorizedAccessException or DllNotFoundException;
}
