using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The service beside the predictor that it has.</summary>
public sealed class PredictorServiceTests : HostTest
{
    [Fact]
    public async Task Every_way_to_predict_gives_the_bits_of_the_predictor()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfThree);
        using var host = await StartHostAsync();
        var service = Predictor(host);
        using var predictor = SlaPredictor.Load(ModelPath);
        string path = FashionImages.Test(classes: 1, perClass: 1)[0].ImagePath;
        var expected = predictor.Predict(path).Score;
        using var image = MLImage.CreateFromFile(path);
        byte[] pixels = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var shape = new ImageShape(1, 16, 16);

        Assert.Equal(predictor.ClassNames, service.ClassNames);
        Assert.Equal(expected, service.Predict(path).Score);
        Assert.Equal(expected, service.Predict(TrainedModels.Image).Score);
        Assert.Equal(expected, service.Predict(new MemoryStream(TrainedModels.Image)).Score);
        Assert.Equal(expected, (await service.PredictAsync(path, Token)).Score);
        Assert.Equal(expected, (await service.PredictAsync(new MemoryStream(TrainedModels.Image), Token)).Score);
        Assert.Equal(predictor.Predict(image).Score, service.Predict(image).Score);
        Assert.Equal(predictor.Predict(pixels, shape).Score, service.Predict(pixels, shape).Score);

        var ofPaths = service.PredictAll([path, InFolder("nothing.png")], Token);
        Assert.Equal(expected, ofPaths[0].Prediction!.Score);
        Assert.IsType<FileNotFoundException>(ofPaths[1].Error);
        var ofBytes = service.PredictAll([new byte[1], TrainedModels.Image], Token);
        Assert.IsType<InvalidDataException>(ofBytes[0].Error);
        Assert.Equal(expected, ofBytes[1].Prediction!.Score);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => service.PredictAsync(path, new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => service.PredictAll([path], new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Every_public_method_refuses_null_by_the_name_of_the_parameter()
    {
        File.WriteAllBytes(ModelPath, TrainedModels.OfTwo);
        using var host = await StartHostAsync();
        var service = Predictor(host);
        var services = new ServiceCollection();
        (string Name, Action Call)[] calls =
        [
            ("path", () => service.Predict((string)null!)),
            ("stream", () => service.Predict((Stream)null!)),
            ("image", () => service.Predict((MLImage)null!)),
            ("path", () => _ = service.PredictAsync((string)null!, Token)),
            ("stream", () => _ = service.PredictAsync((Stream)null!, Token)),
            ("paths", () => service.PredictAll((string[])null!, Token)),
            ("files", () => service.PredictAll((ReadOnlyMemory<byte>[])null!, Token)),
            ("services", () => SlaPredictorServiceCollectionExtensions.AddSlaPredictor(null!, "model.zip")),
            ("modelPath", () => services.AddSlaPredictor((string)null!)),
            ("configure", () => services.AddSlaPredictor((Action<SlaPredictorOptions>)null!)),
            ("key", () => services.AddKeyedSlaPredictor(null!, "model.zip")),
            ("modelPath", () => services.AddKeyedSlaPredictor("key", (string)null!)),
            ("configure", () => services.AddKeyedSlaPredictor("key", (Action<SlaPredictorOptions>)null!)),
            ("builder", () => SlaPredictorHealthChecksBuilderExtensions.AddSlaPredictor(null!)),
        ];
        Assert.All(calls, call => Assert.Equal(call.Name, Assert.Throws<ArgumentNullException>(call.Call).ParamName));
    }
}
