namespace Microsoft.ML.Sla.Data;

/// <summary>
/// Images of a <see cref="PixelStore"/>, one after another. Other threads decode the images that are not in memory, one window ahead of
/// the reader. The size of the window does not change the order.
/// </summary>
internal sealed class ImageSequence : IDisposable
{
    private readonly PixelStore _store;
    private readonly int[] _order;
    private readonly List<int> _windowStarts = [0];
    private int _next;
    private int _window = -1;
    private int _streamedInWindow;
    private Task _readAhead = Task.CompletedTask;
    private volatile bool _closed;

    public ImageSequence(PixelStore store, int[] order)
    {
        _store = store;
        _order = order;
        FindWindows();
        ReadAhead(0);
    }

    /// <summary>Copies the pixels of the next image and returns its label.</summary>
    /// <exception cref="InvalidOperationException">The image can no longer be read.</exception>
    public int Next(Span<byte> pixels)
    {
        if (_window + 1 < _windowStarts.Count && _next == _windowStarts[_window + 1])
            EnterWindow(_window + 1);

        int row = _order[_next++];
        int length = _store.Shape.Length;
        Span<byte> source = row < _store.Resident
            ? _store.Pixels(row)
            : _store.Window(_window).AsSpan(_streamedInWindow++ * length, length);
        source.CopyTo(pixels);
        return _store.Label(row);
    }

    public void Dispose()
    {
        _closed = true;
        _readAhead.ContinueWith(task => task.Exception, TaskScheduler.Default).Wait();
    }

    private void FindWindows()
    {
        int streamed = 0;
        for (int i = 0; i < _order.Length; i++)
        {
            if (_order[i] < _store.Resident)
                continue;
            if (streamed == _store.WindowRows)
            {
                _windowStarts.Add(i);
                streamed = 0;
            }

            streamed++;
        }
    }

    private void EnterWindow(int window)
    {
        _readAhead.GetAwaiter().GetResult();
        _window = window;
        _streamedInWindow = 0;
        ReadAhead(window + 1);
    }

    private void ReadAhead(int window)
    {
        if (window == _windowStarts.Count)
            return;

        int end = window + 1 < _windowStarts.Count ? _windowStarts[window + 1] : _order.Length;
        int[] rows = [.. _order[_windowStarts[window]..end].Where(row => row >= _store.Resident)];
        if (rows.Length > 0)
            _readAhead = Task.Run(() => _store.ReadWindow(rows, _store.Window(window), CheckClosed));
    }

    private void CheckClosed() => ObjectDisposedException.ThrowIf(_closed, this);
}
