using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which images go through the network, and what comes of them.</summary>
public sealed class EmbeddingRunTests : IDisposable
{
    private const int Count = 20;

    private static readonly ImageShape Shape = new(3, ModelFile.Side, ModelFile.Side);

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-embedding-run-").FullName;
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly CancellationTokenSource _cancellation = new();
    private readonly PixelStore _store = StepFixture.RandomImages(Shape, Count, classes: 3, new Random(1));
    private readonly SlaTransformer _model;

    public EmbeddingRunTests() => _model = ModelFile.NewClassifier(_mlContext);

    private static int Views => TransformationSet.Rotation.Count;

    private static int[] InOrder => [.. Enumerable.Range(0, Count)];

    public void Dispose()
    {
        _model.Dispose();
        _cancellation.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_second_run_with_the_folder_computes_nothing()
    {
        var (first, computed) = Embed(InOrder);
        var (second, computedAgain) = Embed(InOrder);
        Assert.Equal((Views * Count, 0), (computed, computedAgain));
        AssertEqual(first, second);
        var (without, computedWithout) = Embed(InOrder, withFolder: false);
        Assert.Equal(Views * Count, computedWithout);
        AssertEqual(first, without);
    }

    [Fact]
    public void Rows_in_another_order_are_found()
    {
        var (first, _) = Embed(InOrder);
        int[] shuffled = InOrder;
        new Random(2).Shuffle(shuffled);
        var (second, computed) = Embed(shuffled);
        Assert.Equal(0, computed);
        AssertEqual(Select(first, shuffled), second);
    }

    [Fact]
    public void Of_a_batch_only_what_is_new_is_computed_and_written()
    {
        Embed([0, 2, 4, 6, 8, 9]);
        var (embedded, computed) = Embed(InOrder);
        Assert.Equal(Views * (Count - 6), computed);
        AssertClose(Embed(InOrder, withFolder: false).Images, embedded);
        long bytes = new FileInfo(Assert.Single(Directory.GetFiles(_folder))).Length;
        Assert.Equal(0, bytes % Count);
        Embed(InOrder);
        Assert.Equal(bytes, new FileInfo(Assert.Single(Directory.GetFiles(_folder))).Length);
    }

    [Fact]
    public void Mirrored_draws_come_after_the_images_and_are_kept_too()
    {
        int[] mirror = TransformationSet.HorizontalFlip[1].GetPermutation(Shape);
        var (both, computed) = Embed(InOrder, draws: [null, mirror]);
        Assert.Equal((2 * Count, 2 * Views * Count), (both.Labels.Length, computed));
        Assert.Equal(both.Labels[..Count], both.Labels[Count..]);
        AssertEqual(Embed(InOrder).Images, Select(both, InOrder));

        var mirrored = new PixelStore(Shape, [.. InOrder.Select(i => ((long)i, _store.Label(i)))]);
        for (int image = 0; image < Count; image++)
        {
            for (int value = 0; value < mirror.Length; value++)
                mirrored.Pixels(image)[value] = _store.Pixels(image)[mirror[value]];
        }

        var (ofMirrored, computedAgain) = Embed(InOrder, store: mirrored);
        Assert.Equal(0, computedAgain);
        AssertEqual(ofMirrored, Select(both, [.. Enumerable.Range(Count, Count)]));
    }

    [Fact]
    public void Embeddings_are_those_that_the_model_scores_with()
    {
        var (embedded, _) = Embed([3]);
        int size = _model.Architecture.EmbeddingSize;
        Assert.Equal(Views * size, embedded.Values[0].Length);
        using var network = new SlaNetwork(_model.Architecture, Shape, [], seed: 1);
        Assert.Equal(_store.Label(3), embedded.Labels[0]);
        Assert.Contains(embedded.Values[0], value => value != 0);
        Assert.False(embedded.Values[0].AsSpan(0, size).SequenceEqual(embedded.Values[0].AsSpan(size, size)), "Two views are one.");
    }

    [Fact]
    public void Another_network_or_normalisation_has_a_file_of_its_own()
    {
        var network = _model.Model.Description;
        Embed(InOrder, network: network with { Normalization = PixelNormalization.ImageNet });
        var weights = new Weights(_model.Model.Weights);
        string name = weights.First().Name;
        weights[name] = (weights[name].Shape, [.. weights[name].Values.Select(value => value + 1)]);
        Embed(InOrder, weights: weights);
        Assert.Equal(Views * Count, Embed(InOrder).Computed);
        Assert.Equal(3, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public void Another_set_of_views_computes_only_the_views_that_it_has_more()
    {
        var network = _model.Model.Description;
        Embed(InOrder, network: network with { Transformations = TransformationSet.None });
        Assert.Equal((Views - 1) * Count, Embed(InOrder).Computed);
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void The_order_of_channels_is_part_of_the_network()
    {
        foreach (bool isBlueFirst in new[] { false, true })
        {
            var options = BackboneFile.Raw;
            options.IsBlueFirst = isBlueFirst;
            var architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"), options);
            var features = _model.Model.Description.Features with { Shape = new ImageShape(3, BackboneFile.Side, BackboneFile.Side) };
            var store = StepFixture.RandomImages(features.Shape, Count, classes: 3, new Random(1));
            Assert.Equal(Views * Count, Embed(InOrder, store, network: _model.Model.Description with { Architecture = architecture, Features = features }, weights: architecture.InitialWeights).Computed);
        }
    }

    [Fact]
    public void A_cancelled_run_keeps_what_it_has_computed()
    {
        _cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => Embed(InOrder));
        Embed([.. InOrder.Take(16)], cancelled: false);
        Assert.Equal(Views * 4, Embed(InOrder, cancelled: false).Computed);
    }

    [Fact]
    public void Embeddings_that_are_no_numbers_are_an_error_with_a_remedy()
    {
        var weights = new Weights(_model.Model.Weights.Select(tensor => (tensor.Name, tensor.Shape, Array.ConvertAll(tensor.Values, _ => float.NaN))));
        Assert.Contains("Normalization", Assert.Throws<InvalidOperationException>(() => Embed(InOrder, weights: weights)).Message, StringComparison.Ordinal);
    }

    private (Embedded Images, long Computed) Embed(
        int[] rows, PixelStore? store = null, NetworkDescription? network = null, Weights? weights = null, int[]?[]? draws = null, bool withFolder = true, bool? cancelled = null)
    {
        var options = new SlaTrainer.Options
        {
            Seed = 1,
            Threads = 1,
            CancellationToken = cancelled == false ? default : _cancellation.Token,
            CheckpointFolder = withFolder ? _folder : null,
        };
        var host = new TrainerHost(_mlContext, "Test", options);
        using var channel = host.Start("Test");
        network ??= _model.Model.Description;
        draws ??= [null];
        using var run = new EmbeddingRun(host, channel, network, weights ?? _model.Model.Weights, options);
        var selected = new RowSelection(store ?? _store, rows);
        int[] labels = [.. Enumerable.Repeat(selected.Labels, draws.Length).SelectMany(labels => labels)];
        using var embedded = new EmbeddingStore(labels, network.Transformations.Count, network.Architecture.EmbeddingSize, long.MaxValue, _folder);
        run.Embed(selected, draws, embedded, [.. Enumerable.Range(0, labels.Length)]);
        return (new Embedded(labels, Embeddings.Values(embedded)), run.Computed);
    }

    private static Embedded Select(Embedded images, int[] numbers) =>
        new(Array.ConvertAll(numbers, number => images.Labels[number]), Array.ConvertAll(numbers, number => images.Values[number]));

    private static void AssertEqual(Embedded expected, Embedded actual)
    {
        Assert.Equal(expected.Labels, actual.Labels);
        Assert.Equal(expected.Values, actual.Values);
    }

    private static void AssertClose(Embedded expected, Embedded actual)
    {
        Assert.Equal(expected.Labels, actual.Labels);
        Assert.True(Training.LargestDifference(expected.Values, actual.Values) < 1e-5);
    }

    private sealed record Embedded(int[] Labels, float[][] Values);
}
