using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// While it lives, torch computes as a training wants it to. Afterwards the process is as before: torch's number of threads, of which there is one,
/// and its allocator.
/// </summary>
/// <remarks>
/// Several may live at once, each on a thread of its own. Each puts back what was there before the first of them began.
/// </remarks>
internal sealed class TorchScope : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _scopes;
    private static int _threadsBefore;

    private readonly TensorMemory? _memory;

    private TorchScope(TensorMemory? memory) => _memory = memory;

    /// <param name="threads">Number of threads that an operation is computed on.</param>
    /// <param name="keepMemory">Whether big blocks are kept for the next step, where that is supported.</param>
    /// <returns>The scope, to be disposed on the same thread.</returns>
    /// <exception cref="InvalidOperationException">A library cannot be loaded; the message says what to install.</exception>
    public static TorchScope Enter(int threads, bool keepMemory)
    {
        TorchLibrary.EnsureLoaded();
        lock (Gate)
        {
            if (_scopes++ == 0)
                _threadsBefore = get_num_threads();
            set_num_threads(threads);
        }

        return new TorchScope(keepMemory ? TensorMemory.Keep() : null);
    }

    public void Dispose()
    {
        _memory?.Dispose();
        lock (Gate)
        {
            _scopes--;
            set_num_threads(_threadsBefore);
        }
    }
}
