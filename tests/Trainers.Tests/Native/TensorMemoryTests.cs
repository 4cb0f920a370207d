using System.Runtime.InteropServices;
using CsCheck;
using Microsoft.ML.Sla.Native;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed class TensorMemoryTests
{
    private const long Floats = 1 << 18;

    [Fact]
    public void A_tensor_gets_the_block_of_the_one_before()
    {
        using var memory = Keep();
        nint first = AddressOfNew(Floats);

        Assert.Equal(first, AddressOfNew(Floats));
        Assert.Equal(first, AddressOfNew(Floats - 100));
    }

    [Fact]
    public void A_tensor_outlives_the_memory_that_it_lies_in()
    {
        Tensor survivor;
        using (Keep())
            survivor = arange(Floats);

        using Tensor other = zeros(Floats, ScalarType.Int64);
        Assert.Equal(Floats * (Floats - 1) / 2, survivor.sum().item<long>());
        survivor.Dispose();
    }

    [Fact]
    public async Task A_tensor_may_be_freed_by_another_thread()
    {
        using var memory = Keep();
        Tensor tensor = ones(Floats);
        nint address = Address(tensor);

        await Task.Run(tensor.Dispose, TestContext.Current.CancellationToken);

        Assert.Equal(address, AddressOfNew(Floats));
    }

    [Fact]
    public void The_memory_of_one_training_stays_when_another_ends()
    {
        using var memory = Keep();
        var other = Keep();
        nint address = AddressOfNew(Floats);
        other.Dispose();
        other.Dispose();

        Assert.Equal(address, AddressOfNew(Floats));
    }

    [Fact]
    public unsafe void Blocks_are_apart_aligned_and_as_large_as_asked()
    {
        var cache = new BlockCache();
        cache.Open();
        Gen.Select(Gen.Int[1, 5 << 20], Gen.Bool).List[1, 40].Sample(
            requests =>
            {
                var blocks = new List<(nint Address, int Size, byte Mark)>();
                foreach (var (size, isReturned) in requests)
                {
                    byte mark = (byte)blocks.Count;
                    void* block = cache.Take((nuint)size);
                    Assert.Equal(0, (nint)block % 64);
                    new Span<byte>(block, size).Fill(mark);
                    blocks.Add(((nint)block, size, mark));
                    if (isReturned)
                        Return(blocks[blocks.Count / 2]);
                }

                while (blocks.Count > 0)
                    Return(blocks[^1]);

                void Return((nint Address, int Size, byte Mark) block)
                {
                    Assert.False(new Span<byte>((void*)block.Address, block.Size).ContainsAnyExcept(block.Mark));
                    Assert.True(cache.Return((void*)block.Address));
                    blocks.Remove(block);
                }
            },
            iter: 30,
            threads: 1);

        Assert.True(cache.FreeBytes > 0);
        cache.Close();
        Assert.Equal(0, cache.FreeBytes);
    }

    [Fact]
    public unsafe void A_block_of_somebody_else_is_not_taken()
    {
        void* block = NativeMemory.Alloc(100);

        Assert.False(new BlockCache().Return(block));

        NativeMemory.Free(block);
    }

    [Fact]
    public void A_tensor_that_no_machine_has_memory_for_is_an_exception_of_torch()
    {
        using var memory = Keep();
        nint address = AddressOfNew(Floats);

        Assert.Contains("can't allocate memory: you tried to allocate", AssertNoMemory(() => empty(1L << 46)), StringComparison.Ordinal);
        using Tensor column = ones(1 << 20, 1);
        using Tensor row = ones(1, 1 << 26);
        using Tensor rows = row.expand(1 << 20, -1);
        Assert.Contains("you tried to allocate 281474976710656 bytes", AssertNoMemory(() => column.mul(rows)), StringComparison.Ordinal);

        AddressOfNew(Floats);
        Assert.Equal(AddressOfNew(Floats), AddressOfNew(Floats));
    }

    [Fact]
    public unsafe void A_size_that_no_address_reaches_has_no_block()
    {
        var cache = new BlockCache();

        Assert.True(cache.Take(nuint.MaxValue) is null);
        Assert.True(cache.Take((nuint)nint.MaxValue) is null);
        Assert.True(cache.Take((nuint)nint.MaxValue + 1) is null);
    }

    [Fact]
    public Task Where_memory_is_short_waiting_blocks_make_place() =>
        TestProcess.Run(typeof(TensorMemoryTests), nameof(Blocks_that_wait_make_place_for_a_larger_one), "SLA_TEST_MEMORY", "1");

    [Fact]
    public unsafe void Blocks_that_wait_make_place_for_a_larger_one()
    {
        Assert.SkipUnless(TestProcess.IsThis, "Needs a process of its own: see above.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux.");
        const nuint Megabyte = 1 << 20;
        var cache = new BlockCache();
        cache.Open();
        using var space = new AddressSpace(bytesLeft: 1 << 30);
        void* block = cache.Take(600 * Megabyte);
        Assert.True(block is not null);
        Assert.True(cache.Return(block));
        Assert.Equal(600L << 20, cache.FreeBytes, 80L << 20);

        void* larger = cache.Take(700 * Megabyte);

        Assert.True(larger is not null);
        Assert.Equal(0, cache.FreeBytes);
        Assert.True(cache.Take(700 * Megabyte) is null);
        Assert.True(cache.Return(larger));
        cache.Close();
    }

    private static string AssertNoMemory(Action allocate)
    {
        string? shortage = MemoryShortage.In(Assert.Throws<ExternalException>(allocate));
        Assert.NotNull(shortage);
        return shortage;
    }

    private static TensorMemory Keep()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux.");
        TorchLibrary.EnsureLoaded();
        var memory = TensorMemory.Keep();
        Assert.NotNull(memory);
        return memory;
    }

    private static nint AddressOfNew(long floats)
    {
        using Tensor tensor = empty(floats);
        return Address(tensor);
    }

    private static unsafe nint Address(Tensor tensor)
    {
        fixed (byte* start = tensor.bytes)
            return (nint)start;
    }
}
