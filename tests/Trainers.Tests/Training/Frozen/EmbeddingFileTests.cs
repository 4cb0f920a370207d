using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Embeddings on disk: what was written is read, and what was not is not.</summary>
public sealed class EmbeddingFileTests : IDisposable
{
    private const int Values = 5;
    private const int RecordBytes = 16 + (Values * sizeof(float)) + 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-embeddings-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_written_is_read_in_the_same_and_in_a_later_process()
    {
        using (var file = Open())
        {
            Write(file, 1, 2, 3);
            AssertHas(file, 1, 2, 3);
            Assert.False(file.TryRead(4, new float[Values]));
        }

        using var again = Open();
        Assert.Equal(3, again.Count);
        AssertHas(again, 1, 2, 3);
        Write(again, 4);
        AssertHas(again, 1, 2, 3, 4);
    }

    [Fact]
    public void A_record_that_a_kill_has_cut_off_is_written_again()
    {
        string path = Written(1, 2, 3);
        using (var stream = File.OpenWrite(path))
            stream.SetLength((2 * RecordBytes) + 7);

        using (var file = Open())
        {
            Assert.Equal(2, file.Count);
            Assert.False(file.TryRead(3, new float[Values]));
            Write(file, 3);
        }

        Assert.Equal(3 * RecordBytes, new FileInfo(path).Length);
        using var again = Open();
        AssertHas(again, 1, 2, 3);
    }

    [Fact]
    public void A_damaged_record_is_left_out_and_the_others_stay()
    {
        string path = Written(1, 2, 3);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[RecordBytes + 20] ^= 1;
        File.WriteAllBytes(path, bytes);

        using (var file = Open())
        {
            Assert.False(file.TryRead(2, new float[Values]));
            AssertHas(file, 1, 3);
            Write(file, 2);
        }

        using var again = Open();
        AssertHas(again, 1, 2, 3);
    }

    [Fact]
    public void Another_network_has_another_file()
    {
        Written(1);
        using var other = Open(network: 8);
        Assert.Equal(0, other.Count);
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public void A_file_that_is_open_is_an_error_with_a_remedy()
    {
        using var file = Open();
        string message = Assert.Throws<IOException>(() => Open()).Message;
        Assert.Contains($"'{file.Path}'", message, StringComparison.Ordinal);
        Assert.Contains("CheckpointFolder", message, StringComparison.Ordinal);
    }

    private EmbeddingFile Open(int network = 7) => new(_folder, (UInt128)network, Values);

    private string Written(params int[] images)
    {
        using var file = Open();
        Write(file, images);
        return file.Path;
    }

    private static void Write(EmbeddingFile file, params int[] images)
    {
        foreach (int image in images)
            file.Write((UInt128)image, Of(image));
    }

    private static void AssertHas(EmbeddingFile file, params int[] images)
    {
        foreach (int image in images)
        {
            float[] values = new float[Values];
            Assert.True(file.TryRead((UInt128)image, values));
            Assert.Equal(Of(image), values);
        }
    }

    private static float[] Of(int image) => [.. Enumerable.Range(0, Values).Select(i => image + (i / 10f))];
}
