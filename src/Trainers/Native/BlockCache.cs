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
            foreach (nint block in _free.Values.SelectMany(blocks => blocks))
                NativeMemory.AlignedFree((void*)block);
            _free.Clear();
        }
    }

    /// <exception cref="OutOfMemoryException">The system has none.</exception>
    public void* Take(nuint bytes)
    {
        nuint size = RoundUp(bytes);
        lock (_gate)
        {
            void* block = _free.TryGetValue(size, out var blocks) && blocks.TryPop(out nint kept) ? (void*)kept : Allocate(size);
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

            if (!_isOpen)
            {
                NativeMemory.AlignedFree(block);
                return true;
            }

            if (!_free.TryGetValue(size, out var blocks))
                _free.Add(size, blocks = []);
            blocks.Push((nint)block);
            return true;
        }
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
            return NativeMemory.AlignedAlloc(size, TensorAlignment);

        // Fewer and cheaper page faults, and fewer misses of the translation buffer. Where the system refuses, pages are small.
        const int AdviseHugePages = 14;
        void* block = NativeMemory.AlignedAlloc(size, HugePage);
        _ = Advise(block, size, AdviseHugePages);
        return block;
    }

    [LibraryImport("libc.so.6", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
