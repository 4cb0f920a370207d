namespace Microsoft.ML.Sla.Data;

/// <summary>
/// Labelled images as C x H x W bytes, in the order of their rows. It keeps the first images in memory, up to a budget, and reads the
/// others from the data view again in each epoch.
/// </summary>
internal sealed class PixelStore
{
    private const int ChunkBytes = 64 << 20;

    /// <summary>The fewest windows in an epoch. The reader waits for the first window, so windows must be short.</summary>
    private const int WindowsPerEpoch = 16;

    /// <summary>The fewest images in a window. This takes precedence over <see cref="WindowsPerEpoch"/>.</summary>
    private const int SmallestWindow = 256;

    private readonly int _rowsPerChunk;
    private readonly List<byte[]> _chunks = [];
    private readonly IReadOnlyList<(long Position, int Label)> _rows;
    private readonly RowReader? _reader;
    private byte[][] _windows = [];

    /// <summary>Allocates memory for the pixels of images.</summary>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="rows">The position in the data view and the label of each image.</param>
    /// <param name="budget">The largest number of bytes of pixels to keep in memory.</param>
    /// <param name="reader">Reads the images that are not in memory; null if all are.</param>
    public PixelStore(ImageShape shape, IReadOnlyList<(long Position, int Label)> rows, long budget = long.MaxValue, RowReader? reader = null)
    {
        Shape = shape;
        _rows = rows;
        _reader = reader;
        _rowsPerChunk = Math.Max(1, ChunkBytes / shape.Length);
        Resident = Count;
        if ((long)Count * Shape.Length > budget)
        {
            int affordable = (int)Math.Min(Array.MaxLength / Shape.Length, budget / 4 / Shape.Length);
            WindowRows = Math.Clamp(Math.Max(Count / WindowsPerEpoch, SmallestWindow), 1, Math.Max(1, affordable));
            Resident = (int)Math.Max(0, (budget / Shape.Length) - (2 * WindowRows));
        }

        for (int row = 0; row < Resident; row += _rowsPerChunk)
            _chunks.Add(new byte[Math.Min(_rowsPerChunk, Resident - row) * Shape.Length]);
    }

    public ImageShape Shape { get; }

    public int Count => _rows.Count;

    /// <summary>Number of images in memory; they are the first ones.</summary>
    public int Resident { get; }

    /// <summary>Number of images in a window, which is read ahead at once, if not all images are in memory. Two windows exist at a time.</summary>
    public int WindowRows { get; }

    /// <summary>Reads all rows of a view that have a label.</summary>
    /// <param name="reader">Reads the view.</param>
    /// <param name="shape">Shape of the images.</param>
    /// <param name="budget">The largest number of bytes of pixels to keep in memory.</param>
    /// <param name="skipUnreadable">Whether to leave out rows whose image cannot be read; otherwise they are an error.</param>
    /// <param name="checkCancellation">Called during reading; throws to stop it.</param>
    /// <param name="checkLabels">Called before any image is decoded; throws if the labels of the rows do not suffice.</param>
    /// <returns>The store, its usable rows, and the rows left out.</returns>
    /// <exception cref="InvalidOperationException">A row cannot be used; the message names it and says what to do.</exception>
    public static (PixelStore Store, int[] Rows, long Unlabelled, List<(long Position, Exception Reason)> Unreadable) Read(
        RowReader reader, ImageShape shape, long budget, bool skipUnreadable, Action checkCancellation, Action<IEnumerable<int>>? checkLabels = null)
    {
        var (labelled, unlabelled) = reader.ReadLabels(checkCancellation);
        checkLabels?.Invoke(labelled.Select(row => row.Label));
        var store = new PixelStore(shape, labelled, budget, reader);
        var scratch = new byte[reader.Workers][];
        var failures = reader.ReadPixels([.. labelled.Select(row => row.Position)], Target, skipUnreadable, checkCancellation);
        if (failures.Count > 0 && !skipUnreadable)
            throw reader.Unreadable(labelled[failures[0].Index].Position, failures[0].Reason);

        var unreadable = failures.ToDictionary(failure => failure.Index, failure => failure.Reason);
        return (
            store,
            [.. Enumerable.Range(0, store.Count).Where(row => !unreadable.ContainsKey(row))],
            unlabelled,
            [.. failures.Select(failure => (labelled[failure.Index].Position, failure.Reason))]);

        // Also decodes images that do not stay in memory, so that a broken file is found now and not during the first epoch.
        Span<byte> Target(int row, int worker) => row < store.Resident ? store.Pixels(row) : scratch[worker] ??= new byte[shape.Length];
    }

    public int Label(int row) => _rows[row].Label;

    /// <summary>The position of a row in its data view.</summary>
    public long Position(int row) => _rows[row].Position;

    /// <summary>The pixels of an image in memory.</summary>
    public Span<byte> Pixels(int row) => _chunks[row / _rowsPerChunk].AsSpan(row % _rowsPerChunk * Shape.Length, Shape.Length);

    /// <summary>Opens images for reading in a given order. Only one sequence may be open at a time.</summary>
    /// <param name="order">Row numbers. A number may occur several times.</param>
    public ImageSequence Open(int[] order) => new(this, order);

    /// <summary>Reads rows that are not in memory into a buffer.</summary>
    /// <param name="rows">Row numbers.</param>
    /// <param name="buffer">Receives the pixels, in the order of the rows.</param>
    /// <param name="checkCancellation">Called during reading; throws to stop it.</param>
    public void ReadWindow(int[] rows, byte[] buffer, Action checkCancellation)
    {
        // Groups equal rows, so that each is decoded once.
        int[][] slots = [.. Enumerable.Range(0, rows.Length).GroupBy(slot => _rows[rows[slot]].Position).OrderBy(row => row.Key).Select(row => row.ToArray())];
        long[] positions = [.. slots.Select(ofRow => _rows[rows[ofRow[0]]].Position)];
        var failures = _reader!.ReadPixels(positions, (index, _) => Slot(slots[index][0]), skipUnreadable: false, checkCancellation);
        if (failures.Count > 0)
            throw _reader.Unreadable(positions[failures[0].Index], failures[0].Reason);

        foreach (int[] ofRow in slots)
        {
            foreach (int copy in ofRow.AsSpan(1))
                Slot(ofRow[0]).CopyTo(Slot(copy));
        }

        Span<byte> Slot(int number) => buffer.AsSpan(number * Shape.Length, Shape.Length);
    }

    /// <summary>One of the two buffers into which sequences read ahead.</summary>
    public byte[] Window(int number)
    {
        if (_windows.Length == 0)
            _windows = [new byte[WindowRows * Shape.Length], new byte[WindowRows * Shape.Length]];
        return _windows[number % _windows.Length];
    }
}
