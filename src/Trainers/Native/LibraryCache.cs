using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Microsoft.ML.Sla.Native;

/// <summary>Keeps changed copies of native libraries in files, since the dynamic loader reads nothing else.</summary>
[SupportedOSPlatform("linux")]
internal static class LibraryCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The directory of this user's copies, which need not exist yet.</summary>
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
    /// Each content has a file of its own. The file appears by a rename, so that another process sees all of it or
    /// nothing, and one that has loaded a damaged file keeps what it has.
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
            // A new directory for each process: one with a known name could be another user's.
            DirectoryInfo directory = Directory.CreateTempSubdirectory("Microsoft.ML.Sla-");
            try
            {
                NativeLibrary.Load(Store(directory.FullName, fileName, library));
            }
            finally
            {
                // What is loaded stays loaded.
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

    // A copy that does not load counts too, because the file system may forbid executable files.
    private static bool IsUnusable(Exception e) => e is IOException or UnauthorizedAccessException or DllNotFoundException;
}
