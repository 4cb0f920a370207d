using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>A cache of memory blocks. Freed blocks wait here for the next request of their size.</summary>
/// <remarks>
/// Each training step allocates and frees the same tensors. A general allocator may return large blocks to the system; each step then
/// touches all its memory for the first time. Or it keeps the blocks and splits them; memory then grows for hundreds of steps.
/// </remarks>
internal sealed unsafe partial class BlockCache
{
    private const nuint HugePage = 2 << 20;
    private const nuint TensorAlignment = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<nint, nuint> _inUse = [];
    private readonly Dictionary<nuint, Stack<nint>> _free = [];
    private bool _isOpen;

    /// <summary>Bytes of the waiting blocks.</summary>
    public long FreeBytes
    {
        get
        {
            lock (_gate)
                return _free.Sum(size => (long)size.Key * size.Value.Count);
        }
    }

    /// <summary>Starts keeping freed blocks.</summary>
    public void Open()
    {
        lock (_gate)
            _isOpen = true;
    }

    /// <summary>Returns the waiting blocks to the system, and from now on each block when it is freed.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isOpen = false;
            FreeWaiting();
        }
    }

    /// <returns>The block; null if the system has no memory, even after the waiting blocks are returned to it.</returns>
    public void* Take(nuint bytes)
    {
        if (bytes > (nuint)nint.MaxValue)
            return null;

        nuint size = RoundUp(bytes);
        lock (_gate)
        {
            // Reserved before the block is taken, because the block would be lost if the entry found no memory.
            _inUse.EnsureCapacity(_inUse.Count + 1);
            void* block = _free.TryGetValue(size, out var blocks) && blocks.TryPop(out nint kept) ? (void*)kept : AllocateOrClear(size);
            if (block is not null)
                _inUse.Add((nint)block, size);
            return block;
        }
    }

    /// <returns>Whether the block came from <see cref="Take"/>.</returns>
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

    /// <returns>False if there is no memory for the entry of the block.</returns>
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

    /// <summary>Allocates a block. If the system has no memory, returns the waiting blocks to it and tries again.</summary>
    private void* AllocateOrClear(nuint size)
    {
        void* block = Allocate(size);
        if (block is not null || _free.Count == 0)
            return block;

        FreeWaiting();
        return Allocate(size);
    }

    /// <summary>Rounds up to one of eight sizes for each power of two, so that batches of almost the same size share blocks.</summary>
    private static nuint RoundUp(nuint bytes)
    {
        nuint unit = (nuint)1 << Math.Max(0, BitOperations.Log2(bytes) - 3);
        return (bytes + unit - 1) / unit * unit;
    }

    private static void* Allocate(nuint size)
    {
        if (size < HugePage)
            return Allocate(TensorAlignment, size);

        // Huge pages cause fewer page faults and fewer misses of the translation buffer. If the system refuses, pages are small.
        const int AdviseHugePages = 14;
        void* block = Allocate(HugePage, size);
        if (block is not null)
            _ = Advise(block, size, AdviseHugePages);
        return block;
    }

    // NativeMemory.AlignedAlloc calls the same function, but throws instead of returning null.
    [LibraryImport("libc.so.6", EntryPoint = "aligned_alloc")]
    private static partial void* Allocate(nuint alignment, nuint size);

    [LibraryImport("libc.so.6", EntryPoint = "free")]
    private static partial void Free(void* block);

    [LibraryImport("libc.so.6", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
