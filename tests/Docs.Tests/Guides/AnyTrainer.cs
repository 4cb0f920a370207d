#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
using Microsoft.ML.Transforms.Image;
#endregion

namespace Guides.AnyTrainer;

internal static class AnyTrainerGuide
{
    public static void Run()
    {
        #region program
        var mlContext = new MLContext(seed: 1);
        var trainers = mlContext.MulticlassClassification.Trainers;
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var parts = mlContext.Data.TrainTestSplit(files, testFraction: 0.2);

        var pixels = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 14, imageHeight: 14))
            .Append(mlContext.Transforms.ExtractPixels("Features", "Image", ImagePixelExtractingEstimator.ColorBits.Red));

        var pipeline = pixels                                                          // -> Features, Label
            .Append(mlContext.Transforms.AugmentLabels(TransformationSet.Rotation))    // -> Views, JointLabel
            .Append(trainers.PerView(trainers.LightGbm("JointLabel", "Views")))        // -> JointScore
            .Append(mlContext.Transforms.AggregateViews());                            // -> Score, PredictedLabel

        using var model = pipeline.Fit(parts.TrainSet);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(parts.TestSet));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        mlContext.Model.Save(model, files.Schema, "model.zip");
        #endregion
    }
}
