#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.GettingStarted;

internal static class GettingStartedGuide
{
    public static void Run()
    {
        #region program
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new Photo { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var parts = mlContext.Data.TrainTestSplit(files, testFraction: 0.2);

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 32,
                ImageHeight = 32,
                Epochs = 40,
                ViewsPerStep = 2,
                LearningRateSchedule = LearningRateSchedule.OneCycle,
                MetricsCallback = m => Console.Write($"\repoch {m.Epoch}/{m.Epochs}, loss {m.Loss:F3} "),
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));

        using var model = pipeline.Fit(parts.TrainSet);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(parts.TestSet));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());
        mlContext.Model.Save(model, files.Schema, "model.zip");

        using var engine = mlContext.Model.CreatePredictionEngine<Photo, Prediction>(mlContext.Model.Load("model.zip", out _));
        var prediction = engine.Predict(new Photo { ImagePath = "new.jpg" });
        Console.WriteLine($"new.jpg: {prediction.PredictedLabelName} ({prediction.Score.Max():P0})");
        #endregion
    }
}

#region program
internal sealed class Photo
{
    public string ImagePath { get; set; } = "";
    public string Label { get; set; } = "";
}

internal sealed class Prediction
{
    public string PredictedLabelName { get; set; } = "";
    public float[] Score { get; set; } = [];
}
#endregion
