using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed class AllocatorPolicyTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Setting_the_policy_is_harmless_everywhere_and_again()
    {
        AllocatorPolicy.KeepBigBlocks();
        AllocatorPolicy.KeepBigBlocks();
        AllocatorPolicy.ReturnFreeBlocks();
    }

    [Fact]
    public void A_big_block_is_not_taken_from_the_system_for_itself_alone()
    {
        Assert.SkipUnless(IsGlibc, "Needs glibc.");
        AllocatorPolicy.KeepBigBlocks();

        // Above 32 MiB glibc would map it by default.
        nint block = Marshal.AllocHGlobal(40 * MiB);
        bool isMapped = IsMapped(block);
        Marshal.FreeHGlobal(block);

        Assert.False(isMapped);
    }

    [Fact]
    public async Task The_main_thread_gets_freed_blocks_again_whatever_their_size()
    {
        Assert.SkipUnless(IsGlibc, "Needs glibc.");
        if (TestProcess.IsThis)
            AllocateInTurn(200 * MiB);
        else
            await RunWithArenas("1", nameof(The_main_thread_gets_freed_blocks_again_whatever_their_size));
    }

    [Fact]
    public async Task Other_threads_get_freed_blocks_again_that_fit_their_heaps()
    {
        Assert.SkipUnless(IsGlibc, "Needs glibc.");
        if (TestProcess.IsThis)
            AllocateInTurn(40 * MiB);
        else
            await RunWithArenas("64", nameof(Other_threads_get_freed_blocks_again_that_fit_their_heaps));
    }

    [Fact]
    public void Free_blocks_between_used_ones_go_back_to_the_system_on_request()
    {
        Assert.SkipUnless(IsGlibc, "Needs glibc.");
        AllocatorPolicy.KeepBigBlocks();
        nint[] blocks = [.. Enumerable.Range(0, 100).Select(_ => AllocateAndTouch(2 * MiB))];
        FreeThose(index => index % 2 == 0);
        long before = ResidentBytes();

        AllocatorPolicy.ReturnFreeBlocks();

        long returned = before - ResidentBytes();
        FreeThose(index => index % 2 == 1);
        Assert.True(returned > 50 * MiB, $"{returned} bytes were returned.");

        void FreeThose(Func<int, bool> condition)
        {
            foreach (int index in Enumerable.Range(0, blocks.Length).Where(condition))
                Marshal.FreeHGlobal(blocks[index]);
        }
    }

    private static bool IsGlibc => OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out _);

    // glibc marks the blocks that are mappings of their own with the second bit of the word before the block.
    private static bool IsMapped(nint block) => (Marshal.ReadIntPtr(block, -IntPtr.Size) & 2) != 0;

    // In a new process, since other tests leave holes in the heap that hide a wrong policy. With a single arena, every thread
    // allocates as the main thread does.
    private static Task RunWithArenas(string count, string method) =>
        TestProcess.Run(typeof(AllocatorPolicyTests), method, "MALLOC_ARENA_MAX", count);

    private static void AllocateInTurn(int size)
    {
        const int Rounds = 8;
        AllocatorPolicy.KeepBigBlocks();
        nint kept = AllocateAndTouch(size);
        Marshal.FreeHGlobal(AllocateAndTouch(size));

        // Each block is a bit larger than the former one, so that it takes the end of the heap, which is what may be returned.
        long before = PageFaults();
        for (int round = 0; round < Rounds; round++)
            Marshal.FreeHGlobal(AllocateAndTouch(size + round * MiB));
        long faults = PageFaults() - before;

        Marshal.FreeHGlobal(kept);
        Assert.InRange(faults, 0, (long)Rounds * size / Environment.SystemPageSize / 2);
    }

    private static nint AllocateAndTouch(int size)
    {
        nint block = Marshal.AllocHGlobal(size);
        for (int at = 0; at < size; at += Environment.SystemPageSize)
            Marshal.WriteByte(block, at, 1);
        return block;
    }

    // The tenth field, counted from behind the program's name, which may have blanks.
    private static long PageFaults() =>
        long.Parse(File.ReadAllText("/proc/self/stat").Split(')')[^1].Split(' ')[8], CultureInfo.InvariantCulture);

    private static long ResidentBytes() =>
        long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
