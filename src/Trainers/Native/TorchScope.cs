using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Sets torch up for a training, and restores the former state when it is disposed: the number of threads, a setting of the whole process, and
/// the allocator.
/// </summary>
/// <remarks>
/// Several scopes may exist at once, each on a different thread. Each restores the state from before the first of them.
/// </remarks>
internal sealed class TorchScope : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _scopes;
    private static int _threadsBefore;

    private readonly TensorMemory? _memory;

    private TorchScope(TensorMemory? memory) => _memory = memory;

    /// <param name="threads">Number of threads of an operation.</param>
    /// <param name="keepMemory">Whether large blocks are kept for the next step. Ignored where that is not supported.</param>
    /// <returns>The scope. Dispose it on the same thread.</returns>
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
