#region program
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
#endregion

namespace Guides.FewShot;

internal static class FewShotGuide
{
    public static void Run(string[] args)
    {
        #region program
        int episodes = args is [var text, ..] ? int.Parse(text, CultureInfo.InvariantCulture) : 5_000;
        var mlContext = new MLContext(seed: 1);
        var files = Files("photos");
        var loading = mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath").Fit(files);

        // 1. Train an embedding, once.
        using (var trained = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = 32,
            ImageHeight = 32,
            Architecture = Architecture.ConvNet(64),
            Ways = 5,
            Shots = 5,
            Queries = 10,
            Episodes = episodes,
        }).Fit(Labelled(files)))
        {
            mlContext.Model.Save(trained, loading.GetOutputSchema(files.Schema), "embedding.zip");
        }

        // 2. Measure it on classes that it was not trained on.
        using var embedding = SlaEmbeddingTransformer.Load(mlContext, "embedding.zip");
        var newFiles = Files("new-classes");
        var metrics = mlContext.MulticlassClassification.EvaluateFewShot(
            Labelled(newFiles), embedding, ways: 2, shots: 1, queries: 4);
        Console.WriteLine($"aggregated {metrics.Aggregated.Mean:P1} ± {metrics.Aggregated.HalfWidth:P1}");

        // 3. Learn the known classes and a new one, without training.
        var classifiers = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding);
        using var classifier = classifiers.Fit(embedding.Transform(Labelled(files)));
        var fivePhotos = mlContext.Data.TakeRows(Files("new-classes/sandal"), 5);
        using var more = classifier.WithClass("sandal", embedding.Transform(loading.Transform(fivePhotos)));
        using var fewer = more.WithoutClass(more.ClassNames[0]);
        Console.WriteLine(string.Join(", ", fewer.ClassNames));

        // 4. Save all steps as one model. ML.NET alone loads it.
        mlContext.Model.Save(new TransformerChain<ITransformer>(loading, embedding, more), files.Schema, "classifier.zip");

        IDataView Files(string folder) => mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        IDataView Labelled(IDataView list) =>
            loading.Transform(mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(list).Transform(list));
        #endregion
    }
}
