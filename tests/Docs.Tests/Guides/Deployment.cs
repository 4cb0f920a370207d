#region program
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
using Microsoft.ML.Transforms.Onnx;
#endregion

namespace Guides.Deployment;

internal static class DeploymentGuide
{
    public static void Run()
    {
        #region program
        // 1. With this library, and without a pipeline: the first prediction comes soonest.
        using var predictor = SlaPredictor.Load("model.zip");
        var prediction = predictor.Predict("new.jpg");      // or the bytes of a file, or a stream
        Console.WriteLine($"{prediction.Label} ({prediction.Probability:P0})");

        // 2. With ML.NET alone: these lines need neither this library nor TorchSharp.
        var mlContext = new MLContext();
        mlContext.SetOnnxSessionOption(new OnnxSessionOptions { IntraOpNumThreads = 1 });
        var model = mlContext.Model.Load("model.zip", out _);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("inbox", "*.jpg").Select(path => new { ImagePath = path, Label = "" }));
        foreach (string name in model.Transform(photos).GetColumn<string>("PredictedLabelName"))
            Console.WriteLine(name);

        // 3. Other forms of the same network: all views, 8 bits, or a plain ONNX file.
        using var network = SlaTransformer.Load(mlContext, "model.zip");
        using var aggregated = network.WithInference(SlaInference.Aggregated);
        var images = mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath").Fit(photos).Transform(photos);
        using var small = aggregated.ToInt8(images);
        mlContext.Model.Save(small, images.Schema, "small.zip");
        network.ExportOnnx("model.onnx");
        #endregion
    }
}
