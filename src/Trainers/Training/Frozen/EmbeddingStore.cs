using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// The embeddings of labelled images in one block: in memory up to a budget, beyond it in a file. Each form of an image, such as the mirrored
/// one, is an image of its own. The block is read and changed piece by piece. Pieces and their layout are the same in memory and in a file, and so
/// is what a training makes of them, bit for bit.
/// </summary>
internal sealed class EmbeddingStore : IDisposable
{
    private readonly ScratchFile? _file;

    /// <summary>The block, or the piece of the file that was read last.</summary>
    private readonly Tensor _memory;

    private Layout _layout;

    /// <summary>Makes room for embeddings.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="views">M.</param>
    /// <param name="size">D.</param>
    /// <param name="budget">The largest number of bytes to keep in memory. With a file, a piece is in memory even if the budget is smaller.</param>
    /// <param name="folder">The folder of the file.</param>
    /// <exception cref="IOException">The folder takes no such file; the message says what to do.</exception>
    public EmbeddingStore(int[] labels, int views, int size, long budget, string folder)
    {
        Labels = labels;
        _layout = new Layout(views, size);
        Bytes = Count * _layout.ImageBytes;
        if (Bytes <= budget)
        {
            _memory = empty(Bytes / sizeof(float)).DetachFromDisposeScope();
            return;
        }

        _file = new ScratchFile(folder, Bytes);
        try
        {
            _memory = empty(Math.Min(Count, _layout.PieceImages) * _layout.ImageBytes / sizeof(float)).DetachFromDisposeScope();
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Makes room for the embeddings of a training.</summary>
    /// <param name="network">The network that makes them.</param>
    /// <param name="labels">The class of each image.</param>
    /// <param name="options">The trainer's options: budget and folder.</param>
    /// <exception cref="IOException">The folder takes no such file; the message says what to do.</exception>
    public static EmbeddingStore Of(NetworkDescription network, int[] labels, ImageTrainerOptions options) => new(
        labels,
        network.Transformations.Count,
        network.Architecture.EmbeddingSize,
        options.EmbeddingMemory ?? TrainerHost.QuarterOfMemory,
        options.CheckpointFolder ?? Path.GetTempPath());

    /// <summary>The class of each image.</summary>
    public int[] Labels { get; }

    public int Count => Labels.Length;

    /// <summary>M, the number of embeddings of an image.</summary>
    public int Views => _layout.Views;

    /// <summary>D, the number of values of an embedding.</summary>
    public int Size => _layout.Size;

    /// <summary>Bytes of all embeddings.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of embeddings in memory.</summary>
    public long BytesInMemory => _memory.numel() * sizeof(float);

    /// <summary>All images.</summary>
    public EmbeddedImages All => new(this, new ImageRange(0, Count));

    /// <summary>Divides a range of images into pieces, which can be read.</summary>
    public IEnumerable<ImageRange> Pieces(ImageRange images)
    {
        for (int start = images.Start; start < images.End; start += _layout.PieceImages)
            yield return new ImageRange(start, Math.Min(_layout.PieceImages, images.End - start));
    }

    /// <summary>Writes an embedding.</summary>
    public void Write(int image, int view, ReadOnlySpan<float> embedding)
    {
        long start = (image * _layout.ImageBytes) + (view * _layout.EmbeddingBytes);
        var bytes = MemoryMarshal.AsBytes(embedding);
        if (_file is null)
            bytes.CopyTo(InMemory(start, bytes.Length));
        else
            _file.Write(start, bytes);
    }

    /// <summary>Reads a piece.</summary>
    /// <param name="piece">Its B images.</param>
    /// <param name="views">k, the number of embeddings of an image: the first ones.</param>
    /// <returns>B*k x D values, image by image. They are valid until the next piece is read or the store is disposed.</returns>
    public Tensor Read(ImageRange piece, int views)
    {
        if (_file is null)
            return _layout.Rows(_memory, piece.Start, piece.Count, views);
        _file.Read(piece.Start * _layout.ImageBytes, InMemory(0, piece.Count * _layout.ImageBytes));
        return _layout.Rows(_memory, 0, piece.Count, views);
    }

    /// <summary>Replaces all embeddings, piece by piece.</summary>
    /// <param name="size">Number of values of a new embedding, D at most.</param>
    /// <param name="map">Makes B*M x size values of B*M x D: a new tensor, or the same one with other values.</param>
    public void Map(int size, Func<Tensor, Tensor> map)
    {
        // No piece is overwritten before it was read, because the new embeddings are not longer.
        var mapped = _layout with { Size = size };
        foreach (var piece in Pieces(new ImageRange(0, Count)))
        {
            using var scope = NewDisposeScope();
            Write(piece, mapped, map(Read(piece, Views)));
        }

        _layout = mapped;
    }

    public void Dispose()
    {
        _memory.Dispose();
        _file?.Dispose();
    }

    public override string ToString() => FormattableString.Invariant(
        $"embeddings of {Bytes / (1 << 20)} MiB, {(_file is null ? "in memory" : $"in a file in '{_file.Folder}', {BytesInMemory / (1 << 20)} MiB at a time in memory")}");

    private void Write(ImageRange piece, Layout layout, Tensor rows)
    {
        layout.Rows(_memory, _file is null ? piece.Start : 0, piece.Count, Views).copy_(rows);
        _file?.Write(piece.Start * layout.ImageBytes, InMemory(0, piece.Count * layout.ImageBytes));
    }

    private Span<byte> InMemory(long start, long length)
    {
        using Tensor values = _memory.narrow(0, start / sizeof(float), length / sizeof(float));
        return values.bytes;
    }

    /// <summary>
    /// Where the embeddings of images are in a block. Each begins at a multiple of 64 bytes, because the last bits of MKL's sums depend on the
    /// alignment.
    /// </summary>
    private readonly record struct Layout(int Views, int Size)
    {
        private const int Alignment = 64;
        private const int MostPieceBytes = 16 << 20;

        /// <summary>The logits and gradients of a training need the memory of one piece.</summary>
        private const int MostPieceImages = 4096;

        public long EmbeddingBytes => ((Size * (long)sizeof(float)) + Alignment - 1) / Alignment * Alignment;

        public long ImageBytes => Views * EmbeddingBytes;

        public int PieceImages => (int)Math.Clamp(MostPieceBytes / ImageBytes, 1, MostPieceImages);

        /// <summary>The first embeddings of images: B*k x D.</summary>
        /// <param name="block">The block.</param>
        /// <param name="start">The first image.</param>
        /// <param name="count">B.</param>
        /// <param name="views">k.</param>
        public Tensor Rows(Tensor block, int start, int count, int views)
        {
            using Tensor images = block.narrow(0, start * ImageBytes / sizeof(float), count * ImageBytes / sizeof(float));
            using Tensor embeddings = images.view(count, Views, EmbeddingBytes / sizeof(float));
            using Tensor first = embeddings.narrow(1, 0, views);
            using Tensor values = first.narrow(2, 0, Size);
            return values.reshape((long)count * views, Size);
        }
    }
}
