#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.Photos;

internal static class PhotosGuide
{
    public static void Run()
    {
        #region program
        const int Side = 224;
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, log) =>
        {
            if (log.Source.StartsWith("Sla", StringComparison.Ordinal))
                Console.WriteLine(log.Message);      // the network that was chosen, files that were left out, warnings
        };
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: 2 * Side))
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = Side,
                ImageHeight = Side,
                Architecture = Architecture.PretrainedResNet18(),
                BackboneTraining = BackboneTraining.Frozen,
                CompareObjectives = true,
                OnUnreadableImage = UnreadableImageHandling.Skip,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));

        using var model = pipeline.Fit(files);
        mlContext.Model.Save(model, files.Schema, "model.zip");

        // A program that loads the pipeline registers the step that reads upright images.
        var other = new MLContext();
        other.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly);
        var loaded = other.Model.Load("model.zip", out _);
        Console.WriteLine($"{loaded.GetOutputSchema(files.Schema).Count} columns");

        // SlaPredictor reads the same file without that, and decodes photos as the pipeline does.
        using var predictor = SlaPredictor.Load("model.zip");
        var prediction = predictor.Predict("new.jpg");
        Console.WriteLine($"new.jpg: {prediction.Label} ({prediction.Probability:P0})");
        #endregion
    }
}
