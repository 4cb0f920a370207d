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
