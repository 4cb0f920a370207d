using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Allocates whole pages of memory from the system, and frees them.</summary>
internal static unsafe partial class Pages
{
    /// <summary>Bytes of a page on x64.</summary>
    public const int Size = 4096;

    /// <summary>Rounds a number of bytes up to whole pages.</summary>
    public static nuint RoundUp(nuint bytes) => (bytes + Size - 1) / Size * Size;

    /// <summary>Allocates readable and writable pages of zeros; null if the system has no memory.</summary>
    [SupportedOSPlatform("linux")]
    public static byte* Map(nuint bytes)
    {
        const int PrivateAndAnonymous = 0x22;
        const nint Failed = -1;
        void* pages = Map(null, bytes, Access.Read | Access.Write, PrivateAndAnonymous, file: -1, offset: 0);
        return (nint)pages == Failed ? null : (byte*)pages;
    }

    /// <returns>Whether the system allows it.</returns>
    [SupportedOSPlatform("linux")]
    public static bool Protect(byte* pages, nuint bytes, Access access) => SetAccess(pages, bytes, access) == 0;

    [SupportedOSPlatform("linux")]
    public static void Unmap(byte* pages, nuint bytes) => _ = Remove(pages, bytes);

    [LibraryImport("libc.so.6", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, Access access, int flags, int file, nint offset);

    [LibraryImport("libc.so.6", EntryPoint = "mprotect")]
    private static partial int SetAccess(void* address, nuint length, Access access);

    [LibraryImport("libc.so.6", EntryPoint = "munmap")]
    private static partial int Remove(void* address, nuint length);

    /// <summary>PROT_NONE, PROT_READ and so on.</summary>
    [Flags]
    internal enum Access
    {
        None = 0,
        Read = 1,
        Write = 2,
        Execute = 4,
    }
}
