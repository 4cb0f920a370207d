using Microsoft.ML.Data;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>ML.NET's own tools on these models, as docs/guides/deployment.md says.</summary>
public sealed class MLNetToolsTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void ConvertToOnnx_leaves_the_network_out_and_ExportOnnx_writes_it()
    {
        var rows = _mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new PixelRow { Label = i % 2 == 0 ? "dark" : "light", Features = [.. Enumerable.Repeat(i % 2 * 255f, 256)] }));
        var labelled = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            Channels = 1,
            ImageWidth = 16,
            ImageHeight = 16,
            Architecture = Architecture.ConvNet(4),
            Epochs = 1,
        }).Fit(labelled);
        using (var stream = File.Create(InFolder("converted.onnx")))
            _mlContext.Model.ConvertToOnnx(model, labelled, stream);
        model.ExportOnnx(InFolder("exported.onnx"));
        Assert.Equal(0, Convolutions("converted.onnx"));
        Assert.NotEqual(0, Convolutions("exported.onnx"));

        int Convolutions(string name) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(InFolder(name))).Graph.Node.Count(node => node.OpType == "Conv");
    }

    [Fact]
    public void ConvertToOnnx_refuses_images_and_loaded_models()
    {
        using var model = ModelFile.NewClassifier(_mlContext);
        var images = ModelFile.Images(_mlContext);
        Assert.Throws<InvalidOperationException>(() => _mlContext.Model.ConvertToOnnx(model, images, Stream.Null));
        _mlContext.Model.Save(model, null, InFolder("model.zip"));
        var loaded = _mlContext.Model.Load(InFolder("model.zip"), out _);
        Assert.Throws<InvalidOperationException>(() => _mlContext.Model.ConvertToOnnx(loaded, images, Stream.Null));
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void PermutationFeatureImportance_refuses_the_model()
    {
        using var model = ModelFile.NewClassifier(_mlContext);
        string message = Assert.Throws<ArgumentNullException>(() => _mlContext.MulticlassClassification.PermutationFeatureImportance((ITransformer)model, ModelFile.Images(_mlContext))).Message;
        Assert.Contains("does not have a compatible predictor", message, StringComparison.Ordinal);
    }

    private sealed class PixelRow
    {
        public string Label { get; set; } = "";

        [VectorType(256)]
        public float[] Features { get; set; } = [];
    }
}
