#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.UnknownImages;

internal static class UnknownImagesGuide
{
    public static void Run()
    {
        #region program
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages("Image", "ImagePath"))
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 32,
                ImageHeight = 32,
                Epochs = 30,
                ViewsPerStep = 2,
                ValidationSetFraction = 0.2f,      // tells at which confidence predictions are wrong
            }));
        mlContext.Model.Save(pipeline.Fit(files), files.Schema, "model.zip");

        using var predictor = SlaPredictor.Load("model.zip");
        var threshold = predictor.ThresholdFor(errorRate: 0.2);
        Console.WriteLine($"A confidence of {threshold.Confidence:F3} accepts {threshold.Coverage:P0} of known images.");
        foreach (string file in Directory.GetFiles("new"))
        {
            var prediction = predictor.Predict(file);
            string answer = prediction.Confidence >= threshold.Confidence ? prediction.Label : "none of these";
            Console.WriteLine($"{file}: {answer} (confidence {prediction.Confidence:F3})");
        }
        #endregion
    }
}
