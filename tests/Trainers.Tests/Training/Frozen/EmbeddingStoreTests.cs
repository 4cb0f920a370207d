using System.Runtime.Versioning;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Embeddings in memory and in a file: the same values, and no more memory than the budget.</summary>
public sealed class EmbeddingStoreTests : IDisposable
{
    private const int Views = 3;

    /// <summary>More than the images of one piece.</summary>
    private const int Count = 5000;

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-store-").FullName;

    public EmbeddingStoreTests() => TorchLibrary.EnsureLoaded();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(5, false)]
    [InlineData(5, true)]
    [InlineData(16, false)]
    [InlineData(16, true)]
    public void What_is_written_is_read(int size, bool isInFile)
    {
        float[][] values = Values(size);
        using var store = Store(values, isInFile);
        Assert.Equal(isInFile, store.BytesInMemory < store.Bytes);
        Assert.Equal(2, store.All.Pieces.Count());
        Assert.Equal(values, Embeddings.Values(store));
        var some = new EmbeddedImages(store, new ImageRange(7, 0), new ImageRange(20, 30), new ImageRange(100, 4500)) { Views = 2 };
        Assert.Equal(values[20..50].Concat(values[100..4600]).Select(image => image[..(2 * size)]), Embeddings.Values(some));
        Assert.Equal(store.Labels[20..50].Concat(store.Labels[100..4600]), some.Labels);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Shorter_embeddings_take_the_place_of_longer_ones(bool isInFile)
    {
        const int Size = 40, Shorter = 18;
        float[][] values = Values(Size);
        using var store = Store(values, isInFile);
        store.Map(Size, rows => rows.Times(2));
        store.Map(Shorter, rows => rows.narrow(1, 1, Shorter).clone());
        Assert.Equal(Shorter, store.Size);
        Assert.Equal(
            values.Select(image => image.Chunk(Size).SelectMany(embedding => embedding[1..(Shorter + 1)]).Select(value => 2 * value)),
            Embeddings.Values(store));
    }

    [Fact]
    public void The_images_of_a_class_have_their_own_count_and_labels()
    {
        int[] labels = [4, 4, 2, 2, 2, 7, 4];
        using var store = Embeddings.Store(labels, [.. labels.Select((_, image) => new float[] { image, -image })], views: 2);
        var images = new EmbeddedImages(store, new ImageRange(0, 4), new ImageRange(5, 2)) { Views = 1 };
        EmbeddedImages[] classes = [.. images.Classes()];
        Assert.Equal([2, 2, 1, 1], classes.Select(ofClass => ofClass.Count));
        Assert.Equal([[4, 4], [2, 2], [7], [4]], classes.Select(ofClass => ofClass.Labels));
        Assert.Equal([[0, 1], [2, 3], [5], [6]], classes.Select(ofClass => Embeddings.Values(ofClass).Select(values => values[0])));
    }

    [Fact]
    public void Tensors_of_pieces_in_memory_are_no_copies()
    {
        using var store = Store(Values(5), isInFile: false);
        using (Tensor piece = store.Read(new ImageRange(30, 1), 1))
            piece.Fill(7);
        Assert.Equal(7, Embeddings.Values(store)[30][0]);
        Assert.Equal(store.Bytes, store.BytesInMemory);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(16)]
    public void Every_embedding_begins_at_a_multiple_of_64_bytes(int size)
    {
        foreach (bool isInFile in new[] { false, true })
        {
            using var store = Store(Values(size), isInFile);
            using Tensor piece = store.Read(new ImageRange(1001, 8), Views);
            Assert.Equal((16, 0), (piece.stride(0), AddressOf(piece) % 64));
        }
    }

    [Fact]
    public void The_budget_is_what_may_be_in_memory()
    {
        const int Size = 1024, Images = 6000;
        long bytes = Images * Size * sizeof(float);
        using (var fits = new EmbeddingStore(new int[Images], views: 1, Size, bytes, _folder))
            Assert.Equal(bytes, fits.BytesInMemory);
        using var store = new EmbeddingStore(new int[Images], views: 1, Size, bytes - 1, _folder);
        Assert.Equal(16 << 20, store.BytesInMemory);
        Assert.Contains(_folder, $"{store}", StringComparison.Ordinal);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void The_file_has_no_name_and_no_other_user_reads_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        using (Store(Values(5), isInFile: true))
        {
            var (descriptor, name) = Assert.Single(OpenFiles.Of(_folder));
            Assert.EndsWith("(deleted)", name, StringComparison.Ordinal);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(descriptor));
            Assert.Empty(Directory.GetFiles(_folder));
        }

        Assert.Empty(OpenFiles.Of(_folder));
    }

    [Fact]
    public void A_folder_that_takes_no_file_is_an_error_with_a_remedy()
    {
        string file = Path.Combine(_folder, "file"), below = Path.Combine(file, "below");
        File.WriteAllText(file, "");
        AssertNamesFolderAndRemedy(Assert.Throws<IOException>(() => new EmbeddingStore(new int[10], views: 1, size: 4, budget: 1, below)), below);
    }

    [Fact]
    public void A_disk_that_is_too_small_is_an_error_before_anything_is_computed()
    {
        // 4 EiB.
        var error = Assert.Throws<IOException>(() => new EmbeddingStore(new int[1 << 20], views: 1 << 20, size: 1 << 20, budget: 1, _folder));
        AssertNamesFolderAndRemedy(error, _folder);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private EmbeddingStore Store(float[][] values, bool isInFile) => Embeddings.Store(
        [.. Enumerable.Range(0, Count)], values, Views, isInFile ? 1 : long.MaxValue, isInFile ? _folder : "");

    private static float[][] Values(int size) =>
        [.. Enumerable.Range(0, Count).Select(image => Enumerable.Range(0, Views * size).Select(i => (float)((image * Views * size) + i)).ToArray())];

    private static unsafe long AddressOf(Tensor tensor)
    {
        using Tensor first = tensor.narrow(0, 0, 1);
        fixed (byte* address = first.bytes)
            return (long)address;
    }

    private static void AssertNamesFolderAndRemedy(IOException error, string folder)
    {
        foreach (string part in new[] { folder, "CheckpointFolder", nameof(SlaTrainer.Options.EmbeddingMemory) })
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }
}
