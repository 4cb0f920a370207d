using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>The blocks of memory of one kind of use: those that are freed wait here for the next request of their size.</summary>
/// <remarks>
/// The same tensors come and go in each training step. A general allocator gives big blocks back to the system, and then each step
/// touches all its memory for the first time; or it keeps them and cuts them up, so that memory grows for hundreds of steps.
/// </remarks>
internal sealed unsafe partial class BlockCache
{
    private const nuint HugePage = 2 << 20;
    private const nuint TensorAlignment = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<nint, nuint> _inUse = [];
    private readonly Dictionary<nuint, Stack<nint>> _free = [];
    private bool _isOpen;

    /// <summary>Bytes of the blocks that wait.</summary>
    public long FreeBytes
    {
        get
        {
            lock (_gate)
                return _free.Sum(size => (long)size.Key * size.Value.Count);
        }
    }

    /// <summary>From now on freed blocks are kept.</summary>
    public void Open()
    {
        lock (_gate)
            _isOpen = true;
    }

    /// <summary>Gives what is not in use back to the system, and from now on blocks as they are freed.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isOpen = false;
            FreeWaiting();
        }
    }

    /// <returns>The block; null where the system has none, not even without those that wait.</returns>
    public void* Take(nuint bytes)
    {
        if (bytes > (nuint)nint.MaxValue)
            return null;

        nuint size = RoundUp(bytes);
        lock (_gate)
        {
            // Before there is a block that would be lost where the entry finds no memory.
            _inUse.EnsureCapacity(_inUse.Count + 1);
            void* block = _free.TryGetValue(size, out var blocks) && blocks.TryPop(out nint kept) ? (void*)kept : AllocateOrClear(size);
            if (block is not null)
                _inUse.Add((nint)block, size);
            return block;
        }
    }

    /// <returns>Whether the block was one of <see cref="Take"/>.</returns>
    public bool Return(void* block)
    {
        lock (_gate)
        {
            if (!_inUse.Remove((nint)block, out nuint size))
                return false;

            if (!_isOpen || !Keep(block, size))
                Free(block);
            return true;
        }
    }

    /// <returns>Whether there is memory to note the block down.</returns>
    private bool Keep(void* block, nuint size)
    {
        try
        {
            if (!_free.TryGetValue(size, out var blocks))
                _free.Add(size, blocks = []);
            blocks.Push((nint)block);
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private void FreeWaiting()
    {
        foreach (nint block in _free.Values.SelectMany(blocks => blocks))
            Free((void*)block);
        _free.Clear();
    }

    /// <summary>A new block; where the system has none, after those that wait are given back to it.</summary>
    private void* AllocateOrClear(nuint size)
    {
        void* block = Allocate(size);
        if (block is not null || _free.Count == 0)
            return block;

        FreeWaiting();
        return Allocate(size);
    }

    /// <summary>Eight sizes to each power of two, so that batches of almost the same size share their blocks.</summary>
    private static nuint RoundUp(nuint bytes)
    {
        nuint unit = (nuint)1 << Math.Max(0, BitOperations.Log2(bytes) - 3);
        return (bytes + unit - 1) / unit * unit;
    }

    private static void* Allocate(nuint size)
    {
        if (size < HugePage)
            return Allocate(TensorAlignment, size);

        // Fewer and cheaper page faults, and fewer misses of the translation buffer. Where the system refuses, pages are small.
        const int AdviseHugePages = 14;
        void* block = Allocate(HugePage, size);
        if (block is not null)
            _ = Advise(block, size, AdviseHugePages);
        return block;
    }

    // NativeMemory.AlignedAlloc is this with an exception in place of null.
    [LibraryImport("libc.so.6", EntryPoint = "aligned_alloc")]
    private static partial void* Allocate(nuint alignment, nuint size);

    [LibraryImport("libc.so.6", EntryPoint = "free")]
    private static partial void Free(void* block);

    [LibraryImport("libc.so.6", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
