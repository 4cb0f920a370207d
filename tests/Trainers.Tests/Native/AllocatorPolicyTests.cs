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
    public void A_freed_block_serves_the_next_allocation_without_new_pages()
    {
        Assert.SkipUnless(IsGlibc, "Needs glibc.");
        const int Rounds = 20;
        const int Size = 16 * MiB;
        AllocatorPolicy.KeepBigBlocks();

        // A new thread has an arena to itself, without holes that other tests have left.
        long before = PageFaults();
        Thread thread = new(() =>
        {
            for (int round = 0; round < Rounds; round++)
                Marshal.FreeHGlobal(AllocateAndTouch(Size));
        });
        thread.Start();
        thread.Join();

        Assert.InRange(PageFaults() - before, 0, (long)Rounds * Size / Environment.SystemPageSize / 4);
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
