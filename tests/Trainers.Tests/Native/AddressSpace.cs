using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Tests.Native;

/// <summary>While it lives, the process, one of Linux, may map so many bytes more than it has: a machine with little memory.</summary>
internal sealed partial class AddressSpace : IDisposable
{
    private const int Resource = 9;
    private const int PageSize = 4096;

    private readonly Limits _before;

    public AddressSpace(long bytesLeft)
    {
        _ = GetLimit(Resource, out _before);
        Set(_before with { Current = (ulong)(BytesMapped + bytesLeft) });
    }

    /// <summary>What is mapped, whether there is memory behind it or not.</summary>
    public static long BytesMapped => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture) * PageSize;

    public void Dispose() => Set(_before);

    private static void Set(Limits limits)
    {
        if (SetLimit(Resource, limits) != 0)
            throw new InvalidOperationException("The limit of the address space cannot be set.");
    }

    [LibraryImport("libc.so.6", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limits limits);

    [LibraryImport("libc.so.6", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limits limits);

    /// <summary>struct rlimit of sys/resource.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private record struct Limits(ulong Current, ulong Largest);
}
