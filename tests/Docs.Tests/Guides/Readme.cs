#region train
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.Readme;

internal static class ReadmeCode
{
    public static void Train()
    {
        #region train
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 32,
                ImageHeight = 32,
                MetricsCallback = m => Console.Write($"\repoch {m.Epoch}/{m.Epochs}, loss {m.Loss:F3} "),
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));

        var model = pipeline.Fit(files);
        mlContext.Model.Save(model, files.Schema, "model.zip");
        #endregion
    }

    public static int LearnNewClass(MLContext mlContext, IDataView photos, IDataView fivePhotos)
    {
        #region new classes
        using var embedding = SlaEmbeddingTransformer.Load(mlContext, "embedding.zip");
        using var classifier = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding)
            .Fit(embedding.Transform(photos));
        using var more = classifier.WithClass("sandal", embedding.Transform(fivePhotos));
        #endregion
        return more.ClassNames.Count;
    }
}
