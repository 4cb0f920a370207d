using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.Transforms.Image;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Scoring in 8 bits, beside scoring in 32.</summary>
public sealed class Int8Tests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static TheoryData<Architecture> Architectures =>
    [
        Architecture.CifarResNet(8), Architecture.WideResNet(10, 1), Architecture.ResNet(18), Architecture.ConvNet(16), Architecture.ResNet12(8),
        Architecture.Custom("mine", 8, shape => TorchSharp.torch.nn.Sequential(
            TorchSharp.torch.nn.Conv2d(shape.Channels, 8, 3), TorchSharp.torch.nn.ReLU(), TorchSharp.torch.nn.AdaptiveAvgPool2d(1), TorchSharp.torch.nn.Flatten())),
    ];

    [Theory]
    [MemberData(nameof(Architectures), DisableDiscoveryEnumeration = true)]
    public void Every_architecture_scores_almost_as_in_floats(Architecture architecture)
    {
        var options = Training.Options();
        options.Architecture = architecture;
        options.Epochs = 1;
        options.ImageWidth = options.ImageHeight = 32;
        var images = Training.Images(_mlContext);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        using var aggregated = model.WithInference(SlaInference.Aggregated);
        using var int8 = aggregated.ToInt8(images);

        Assert.True(int8.IsInt8);
        float[][] exact = Training.Scores(aggregated.Transform(images)), rounded = Training.Scores(int8.Transform(images));
        Assert.NotEqual(exact, rounded);
        Assert.InRange(Training.LargestDifference(exact, rounded), 1e-6, 0.1);
    }

    [Fact]
    public void A_saved_model_is_small_and_loads_as_any_model()
    {
        var options = Training.Options();
        options.Architecture = Architecture.CifarResNet(20);
        options.Epochs = 1;
        var images = Training.Images(_mlContext);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        using var int8 = model.ToInt8(images, count: 16);
        string exactFile = InFolder("exact.onnx"), roundedFile = InFolder("int8.onnx"), zip = InFolder("int8.zip");
        model.SaveOnnx(exactFile);
        int8.SaveOnnx(roundedFile);
        _mlContext.Model.Save(int8, images.Schema, zip);

        Assert.InRange(new FileInfo(roundedFile).Length, 1, new FileInfo(exactFile).Length / 2);
        var loaded = new MLContext().Model.Load(zip, out _);
        Assert.Equal(Training.Scores(int8.Transform(images)), Training.Scores(loaded.Transform(images)));
        (loaded as IDisposable)?.Dispose();
        var error = Assert.Throws<InvalidDataException>(() => SlaTransformer.Load(_mlContext, zip));
        Assert.Contains("ToInt8", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public void An_exported_model_in_8_bits_scores_in_ONNX_Runtime_as_the_transformer_does(int? batchSize)
    {
        var options = Training.Options();
        options.Epochs = 1;
        var images = Training.Images(_mlContext, classes: 3, perClass: 4);
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        using var int8 = model.ToInt8(images);
        int8.ExportOnnx(InFolder("int8.onnx"), batchSize);
        float[][] pixels = [.. _mlContext.Transforms.ResizeImages("Sized", 28, 28, "Image")
            .Append(_mlContext.Transforms.ExtractPixels("Pixels", "Sized", ImagePixelExtractingEstimator.ColorBits.Red)).Fit(images).Transform(images).GetColumn<float[]>("Pixels")];
        using var session = new InferenceSession(InFolder("int8.onnx"));
        float[][] scores = [.. pixels.Select(image =>
        {
            using var results = session.Run([NamedOnnxValue.CreateFromTensor("Images", new DenseTensor<float>(image, [1, 1, 28, 28]))], ["Score"]);
            return results[0].AsTensor<float>().ToArray();
        })];
        Assert.InRange(Training.LargestDifference(Training.Scores(int8.Transform(images)), scores), 0, 1e-5);
        Assert.NotEqual(Training.Scores(model.Transform(images)), scores);
    }

    [Fact]
    public void Ranges_need_images()
    {
        var images = Training.Images(_mlContext);
        var options = Training.Options();
        options.Epochs = 1;
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);

        Assert.Contains("no images", Assert.Throws<ArgumentException>(() => model.ToInt8(_mlContext.Data.SkipRows(images, 10_000))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.ToInt8(images, count: 0));
    }
}
