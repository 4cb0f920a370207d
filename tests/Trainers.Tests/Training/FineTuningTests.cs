using Microsoft.ML.Sla.Networks;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trainings of all weights of a network out of an ONNX file.</summary>
public sealed class FineTuningTests : IDisposable
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("sla-fine-tuning-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("backbone-resnet.onnx", 1)]
    [InlineData("backbone-mobilenet-v3.onnx", 3)]
    [InlineData("backbone-vit.onnx", 3)]
    public void The_saved_model_scores_as_the_trained_one_and_can_be_trained_on(string file, int channels)
    {
        var images = Training.Images(_mlContext, classes: 3, perClass: 8);
        var options = Options(file);
        options.Channels = channels;
        options.FrozenEpochs = 1;
        options.LayerRateDecay = 0.9;
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(options);
        using var model = trainer.Fit(images);

        string path = Path.Combine(_folder, "model.zip");
        _mlContext.Model.Save(model, images.Schema, path);
        using var loaded = SlaTransformer.Load(_mlContext, path);
        var scores = Training.Scores(model.Transform(images));
        Assert.Equal(scores, Training.Scores(loaded.Transform(images)));
        Assert.Equal(scores, Training.Scores(_mlContext.Model.Load(path, out _).Transform(images)));
        Assert.Equal(loaded.Model.Description.Architecture.Cost(loaded.ImageShape), model.Model.Description.Architecture.Cost(model.ImageShape));

        options.FrozenEpochs = 0;
        options.Architecture = Architecture.Auto;
        using var further = trainer.Fit(images, loaded);
        Assert.NotEqual(scores, Training.Scores(further.Transform(images)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_weights_are_trained_and_statistics_where_they_are_not_frozen(bool frozen)
    {
        var options = Options("backbone-resnet.onnx");
        options.FrozenStatistics = frozen;
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 3, perClass: 8));
        var before = options.Architecture.InitialWeights!;
        foreach (var (name, _, values) in model.Model.Weights.Where(tensor => before.Contains(tensor.Name)))
        {
            bool stays = name.Contains("embedding_", StringComparison.Ordinal) || (frozen && name.Contains("running_", StringComparison.Ordinal));
            Assert.True(stays == values.AsSpan().SequenceEqual(before[name].Values), name);
        }
    }

    [Fact]
    public void A_cancelled_training_goes_on_from_its_checkpoint_to_the_same_weights()
    {
        var images = Training.Images(_mlContext, classes: 3, perClass: 8);
        var expected = Weights(Options("backbone-resnet.onnx"));

        using var cancellation = new CancellationTokenSource();
        var options = Options("backbone-resnet.onnx");
        options.CheckpointFolder = _folder;
        options.CancellationToken = cancellation.Token;
        options.MetricsCallback = _ => cancellation.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => Weights(options));

        options.CancellationToken = CancellationToken.None;
        options.MetricsCallback = null;
        options.Resume = true;
        Assert.Equal(expected, Weights(options));

        options.FrozenStatistics = true;
        Assert.Contains("FrozenStatistics: the default there and True here", Assert.Throws<InvalidOperationException>(() => Weights(options)).Message, StringComparison.Ordinal);

        List<float[]> Weights(SlaTrainer.Options options)
        {
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
            return [.. model.Model.Weights.Select(tensor => tensor.Values)];
        }
    }

    [Fact]
    public void A_network_that_torch_cannot_train_is_an_error_before_the_training()
    {
        var options = Options("backbone-resnet.onnx");
        var network = (OnnxNetwork)options.Architecture;
        var graph = Onnx.Protobuf.GraphProto.Parser.ParseFrom(network.Graph);
        graph.Node.Single(node => node.OpType == "GlobalAveragePool").OpType = "GlobalLpPool";
        options.Architecture = new OnnxNetwork("odd", network.EmbeddingSize, network.Input, network.Embedding, new BackboneGraphData(graph, network.Input, network.Embedding).ToBytes());
        options.Channels = 3;
        string message = Assert.Throws<InvalidOperationException>(() =>
            _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 3, perClass: 2))).Message;
        Assert.Contains("of odd is a GlobalLpPool", message, StringComparison.Ordinal);
    }

    private static SlaTrainer.Options Options(string file)
    {
        var options = Training.Options();
        options.Architecture = Architecture.FromOnnx(Path.Combine(AppContext.BaseDirectory, "Vectors", file), new OnnxBackboneOptions { ImageSize = 32 });
        options.ImageWidth = options.ImageHeight = 32;
        options.LearningRate = 0.01;
        return options;
    }
}
