#region program
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.UnevenClasses;

internal static class UnevenClassesGuide
{
    public static void Run()
    {
        #region program
        var mlContext = new MLContext(seed: 1);
        var files = Files("photos");
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(files);
        var validation = preparation.Transform(Files("validation"));      // as many images of each class

        using var model = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = 32,
            ImageHeight = 32,
            Epochs = 120,
            ViewsPerStep = 2,
            LearningRateSchedule = LearningRateSchedule.OneCycle,
            ClassificationLoss = ClassificationLoss.Ldam(),
            ClassWeighting = ClassWeighting.ClassBalanced(),
            DeferredReweighting = 0.8,
        }).Fit(preparation.Transform(files), validation);

        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(validation));
        Console.WriteLine($"mean over the classes {metrics.MacroAccuracy:P1}, over all images {metrics.MicroAccuracy:P1}");
        mlContext.Model.Save(preparation.Append(model), files.Schema, "model.zip");

        IDataView Files(string folder) => mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        #endregion
    }
}
