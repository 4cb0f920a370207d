using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Frozen backbones that compute in 8 bits, beside the same in 32.</summary>
public sealed class FrozenInt8Tests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Theory]
    [InlineData("resnet")]
    [InlineData("resnet-folded")]
    public void A_saved_model_computes_in_8_bits_and_scores_the_same_wherever_it_is_loaded(string backbone)
    {
        using var model = Fit(Precision.Int8, backbone);
        float[][] scores = Training.Scores(model.Transform(Images()));
        string zip = InFolder("model.zip"), onnx = InFolder("model.onnx");
        _mlContext.Model.Save(model, Images().Schema, zip);
        model.SaveOnnx(onnx);

        var operators = ModelProto.Parser.ParseFrom(File.ReadAllBytes(onnx)).Graph.Node.ToLookup(node => node.OpType);
        Assert.NotEmpty(operators["Conv"]);
        Assert.True(operators["QuantizeLinear"].Count() > operators["Conv"].Count());
        var loaded = new MLContext().Model.Load(zip, out _);
        Assert.Equal(scores, Training.Scores(loaded.Transform(Images())));
        (loaded as IDisposable)?.Dispose();
        using var again = SlaTransformer.Load(_mlContext, zip);
        Assert.Equal(scores, Training.Scores(again.Transform(Images())));
        using var predictor = SlaPredictor.Load(zip);
        Assert.True(Training.LargestDifference([scores[3]], [[.. predictor.Predict(FashionImages.Train(classes: 3, perClass: 24)[3].ImagePath).Score]]) < 1e-5);
    }

    [Fact]
    public void ONNX_Runtime_runs_its_convolutions_as_integers()
    {
        using var model = Fit(Precision.Int8);
        string onnx = InFolder("model.onnx"), optimized = InFolder("optimized.onnx");
        model.SaveOnnx(onnx);
        using (var options = new SessionOptions { OptimizedModelFilePath = optimized, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR })
        using (new InferenceSession(onnx, options))
        {
            var operators = ModelProto.Parser.ParseFrom(File.ReadAllBytes(optimized)).Graph.Node.ToLookup(node => node.OpType);
            Assert.Empty(operators["Conv"]);
            Assert.NotEmpty(operators["QLinearConv"]);
            Assert.NotEmpty(operators["QLinearAdd"]);
        }
    }

    [Theory]
    [InlineData("resnet")]
    [InlineData("densenet")]
    [InlineData("convnext")]
    public void Its_embeddings_are_almost_those_of_floats(string backbone)
    {
        using var exact = Fit(Precision.Float32, backbone);
        using var rounded = Fit(Precision.Int8, backbone);
        Assert.Null(exact.Model.Description.Int8Ranges);
        Assert.NotNull(rounded.Model.Description.Int8Ranges);
        float[] pixels = [.. Enumerable.Range(0, 4 * exact.ImageShape.Length).Select(i => (float)(i * 37 % 256))];
        float[] expected = Embed(exact), actual = Embed(rounded);
        double error = Math.Sqrt(expected.Zip(actual, (want, have) => Math.Pow(want - have, 2)).Sum() / expected.Sum(value => value * value));
        Assert.InRange(error, 1e-6, 0.1);

        float[] Embed(SlaTransformer model)
        {
            // Both with the standardisation of one of them.
            using var extractor = new EmbeddingExtractor(model.Model.Description, exact.Model.Weights, threads: 1);
            return extractor.Embed(pixels, 4);
        }
    }

    [Fact]
    public void Its_weights_stay_in_floats_so_it_is_changed_and_trained_on()
    {
        using var exact = Fit(Precision.Float32);
        using var model = Fit(Precision.Int8);
        foreach (var (name, _, values) in exact.Model.Weights.Where(tensor => tensor.Name.StartsWith("backbone.", StringComparison.Ordinal) && !tensor.Name.Contains("embedding_", StringComparison.Ordinal)))
            Assert.Equal(values, model.Model.Weights[name].Values);

        using var single = model.WithInference(SlaInference.Single);
        Assert.True(Accuracy(single) > 0.6);
        using var small = model.ToInt8(Images());
        Assert.True(small.IsInt8);
        Assert.True(Accuracy(small) > 0.6);
        var options = Options(Precision.Auto);
        options.Architecture = model.Architecture;
        (options.BackboneTraining, options.FrozenStatistics, options.Epochs, options.LearningRate) = (BackboneTraining.Full, true, 1, 1e-4);
        using var tuned = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Images(), model);
        Assert.Null(tuned.Model.Description.Int8Ranges);
        Assert.True(Accuracy(tuned) > 0.6);
    }

    [Fact]
    public void An_exported_file_scores_images_alike_in_any_batch()
    {
        using var model = Fit(Precision.Int8);
        string onnx = InFolder("exported.onnx");
        model.ExportOnnx(onnx);
        var shape = model.ImageShape;
        float[] pixels = [.. Enumerable.Range(0, 3 * shape.Length).Select(i => (float)(i * 37 % 256))];
        using var session = new InferenceSession(onnx);
        float[] all = Score(pixels, 3), one = Score(pixels[^shape.Length..], 1);
        Assert.Equal(all[^model.ClassNames.Count..], one, (want, have) => Math.Abs(want - have) < 1e-5);
        Assert.Equal(3, all.Sum(), 1e-4);

        float[] Score(float[] images, int count)
        {
            using var value = OrtValue.CreateTensorValueFromMemory(images, [count, shape.Channels, shape.Height, shape.Width]);
            using var run = new RunOptions();
            using var outputs = session.Run(run, ["Images"], [value], ["Score"]);
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        }
    }

    [Fact]
    public void Two_trainings_give_one_model_bit_for_bit()
    {
        using var first = Fit(Precision.Int8);
        using var second = Fit(Precision.Int8);
        Assert.Equal(first.Model.Description.Int8Ranges, second.Model.Description.Int8Ranges);
        Assert.Equal(Training.Scores(first.Transform(Images())), Training.Scores(second.Transform(Images())));
    }

    [Theory]
    [InlineData("resnet", true)]
    [InlineData("vit", false)]
    public void Networks_like_those_that_were_measured_suit_it(string backbone, bool suits) =>
        Assert.Equal(suits, Architecture.FromOnnx(BackboneFile.PathOf(backbone), BackboneFile.Raw).SuitsInt8);

    [Fact]
    public void A_training_of_the_whole_network_has_no_8_bits()
    {
        var options = Training.Options();
        options.Precision = Precision.Int8;
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options));
        Assert.Contains("BackboneTraining is Frozen", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[1, 2]")]
    [InlineData("\"ranges\"")]
    public void Ranges_that_are_not_the_networks_are_an_error_that_names_the_file(string ranges)
    {
        using var model = Fit(Precision.Int8);
        string zip = InFolder("model.zip"), damaged = InFolder("damaged.zip");
        _mlContext.Model.Save(model, Images().Schema, zip);
        ModelFile.ChangeDescription(zip, damaged, JsonSerializer.Serialize(model.Model.Description.Int8Ranges), ranges);
        var error = Assert.Throws<InvalidDataException>(() => SlaTransformer.Load(_mlContext, damaged));
        Assert.Contains(damaged, error.Message, StringComparison.Ordinal);
    }

    private static SlaTrainer.Options Options(Precision precision, string backbone = "resnet")
    {
        var options = Training.Options(SlaObjective.Sla);
        options.Architecture = Architecture.FromOnnx(BackboneFile.PathOf(backbone), new OnnxBackboneOptions());
        (options.BackboneTraining, options.Precision, options.Augmentations, options.Threads) = (BackboneTraining.Frozen, precision, [], 1);
        (options.ImageWidth, options.ImageHeight) = (BackboneFile.Side, BackboneFile.Side);
        return options;
    }

    private SlaTransformer Fit(Precision precision, string backbone = "resnet") =>
        _mlContext.MulticlassClassification.Trainers.Sla(Options(precision, backbone)).Fit(Images());

    private IDataView Images() => Training.Images(_mlContext, FashionImages.Train(classes: 3, perClass: 24));

    private double Accuracy(SlaTransformer model) => _mlContext.MulticlassClassification.Evaluate(model.Transform(Images())).MicroAccuracy;
}
