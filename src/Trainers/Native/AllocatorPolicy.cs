using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Says when glibc's allocator returns memory to the system. Other allocators (Windows, macOS, musl) are left alone.
/// </summary>
/// <remarks>
/// By default every block above 32 MiB comes fresh from the system and goes back to it, so each training step touches all
/// its memory for the first time, and those page faults can take more time than the arithmetic.
/// </remarks>
internal static partial class AllocatorPolicy
{
    /// <summary>Makes freed blocks stay with the process for its next allocations, from now on.</summary>
    /// <remarks>
    /// A thread other than the main one keeps blocks of up to 64 MiB (the size of its heaps); larger ones still come from
    /// the system, unless the process was started with MALLOC_ARENA_MAX=1.
    /// </remarks>
    public static void KeepBigBlocks() => IfGlibc(() =>
    {
        const int TrimThreshold = -1;
        const int TopPad = -2;
        const int MaxMappedBlocks = -4;
        const int ThreadHeapSize = 64 << 20;

        // M_MMAP_THRESHOLD would not do: glibc takes no threshold above 32 MiB.
        _ = SetOption(MaxMappedBlocks, 0);
        _ = SetOption(TrimThreshold, -1);

        // A thread's heap that is all free is unmapped, whatever the trim threshold, unless the padding is as large as a heap.
        _ = SetOption(TopPad, ThreadHeapSize);
    });

    /// <summary>Returns the memory that was kept and is free now, as after a training.</summary>
    public static void ReturnFreeBlocks() => IfGlibc(() => _ = Trim(0));

    private static void IfGlibc(Action action)
    {
        if (!OperatingSystem.IsLinux())
            return;

        try
        {
            action();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library, which the training can do with: it is slower at most.
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
