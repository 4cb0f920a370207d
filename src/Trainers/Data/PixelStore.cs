namespace Microsoft.ML.Sla.Data;

/// <summary>Labelled images as bytes in memory, C x H x W each, in the order of the rows they came from.</summary>
internal sealed class PixelStore(ImageShape shape)
{
    private const int ChunkBytes = 64 << 20;

    private readonly int _rowsPerChunk = Math.Max(1, ChunkBytes / shape.Length);
    private readonly List<byte[]> _chunks = [];
    private readonly List<int> _labels = [];

    public ImageShape Shape { get; } = shape;

    public int Count => _labels.Count;

    /// <summary>Appends an image and returns the place for its pixels.</summary>
    public Span<byte> Add(int label)
    {
        if (Count == _chunks.Count * _rowsPerChunk)
            _chunks.Add(new byte[_rowsPerChunk * Shape.Length]);
        _labels.Add(label);
        return Row(Count - 1);
    }

    public ReadOnlySpan<byte> Pixels(int row) => Row(row);

    public int Label(int row) => _labels[row];

    private Span<byte> Row(int row) => _chunks[row / _rowsPerChunk].AsSpan(row % _rowsPerChunk * Shape.Length, Shape.Length);
}
