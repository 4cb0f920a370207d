using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.ML.Sla.Files;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.Sla.Native;

/// <summary>Loads a changed copy of a native library. The dynamic loader only reads files, and nobody else may write to this one.</summary>
/// <remarks>
/// The copy is a file in memory, or a temporary file without a name where the system runs no code from those. Each process makes it anew, which is
/// cheaper than to read and compare one in a cache, and leaves nothing that another user could exchange before it is loaded.
/// </remarks>
[SupportedOSPlatform("linux")]
internal static partial class LibraryCopy
{
    private const string Remedy = "Set TMPDIR to a folder that can be written to and may hold executable files.";

    /// <summary>Loads the library.</summary>
    /// <param name="fileName">Its file name, for messages.</param>
    /// <param name="library">Its content.</param>
    /// <exception cref="IOException">Neither memory nor the temporary folder can hold a library; the message names both.</exception>
    public static void Load(string fileName, byte[] library)
    {
        try
        {
            using var memory = InMemory(fileName, library);
            NativeLibrary.Load(PathOf(memory));
        }
        catch (Exception inMemory) when (IsUnusable(inMemory))
        {
            try
            {
                // The loaded library stays in memory without its file.
                using var file = new TemporaryFile(library, ".so");
                NativeLibrary.Load(file.Path);
            }
            catch (Exception onDisk) when (IsUnusable(onDisk))
            {
                throw new IOException(
                    $"This system needs a changed copy of {fileName}, which could be loaded neither from memory ({inMemory.Message}) nor from "
                    + $"'{Path.GetTempPath()}' ({onDisk.Message}). {Remedy}",
                    onDisk);
            }
        }
    }

    /// <summary>Makes a file in memory.</summary>
    /// <param name="name">What it is called in lists of the process's memory.</param>
    /// <param name="content">Its content.</param>
    /// <exception cref="IOException">The system makes no such file.</exception>
    internal static SafeFileHandle InMemory(string name, byte[] content)
    {
        const uint CloseOnExec = 1;
        var file = new SafeFileHandle(CreateMemoryFile(name, CloseOnExec), ownsHandle: true);
        try
        {
            if (file.IsInvalid)
                throw new IOException($"The system makes no file in memory: {Marshal.GetLastPInvokeErrorMessage()}.");
            RandomAccess.Write(file, content, fileOffset: 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The path of an open file.</summary>
    internal static string PathOf(SafeFileHandle file) => $"/proc/self/fd/{file.DangerousGetHandle()}";

    // Includes copies that do not load, because the file system may forbid executable files.
    private static bool IsUnusable(Exception e) => e is IOException or UnauthorizedAccessException or DllNotFoundException;

    [LibraryImport("libc.so.6", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint CreateMemoryFile(string name, uint flags);
}
