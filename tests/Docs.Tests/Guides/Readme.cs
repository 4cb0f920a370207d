#region train
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Sla.Tests;

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

        // Outside of the pipeline, because a model that predicts has no label to map.
        var labelled = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files);
        var photos = mlContext.Data.TrainTestSplit(labelled, testFraction: 0.2);

        var pipeline = mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 224,
                ImageHeight = 224,
                Architecture = Architecture.PretrainedResNet18(),       // trained on photos
                BackboneTraining = BackboneTraining.Frozen,             // minutes without a GPU
                CompareObjectives = true,                               // takes SLA where it is better
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));

        var model = pipeline.Fit(photos.TrainSet);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(photos.TestSet));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        mlContext.Model.Save(model, files.Schema, "model.zip");

        using var predictor = SlaPredictor.Load("model.zip");
        var prediction = predictor.Predict("new.jpg");
        foreach (var (name, probability) in prediction.Top(3))
            Console.WriteLine($"{name}: {probability:P0}");
        #endregion
    }

    public static async Task ServeAsync(string[] args, Func<HttpClient, Task> use)
    {
        #region serve
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddSlaPredictor("model.zip");
        builder.Services.AddHealthChecks().AddSlaPredictor();

        var app = builder.Build();
        app.MapHealthChecks("/health");
        app.MapPost("/predict", async (Stream image, SlaPredictorService predictor, CancellationToken cancelled) =>
            (await predictor.PredictAsync(image, cancelled)).Top(3));
        #endregion

        var user = RunningServer.UseAsync(app, use);

        #region serve
        await app.RunAsync();
        #endregion
        await user;
    }

    public static IDataView Augment(MLContext mlContext, IDataView rows)
    {
        #region any trainer
        var trainers = mlContext.MulticlassClassification.Trainers;
        var model = mlContext.Transforms.AugmentLabels(TransformationSet.Rotation)       // -> Views, JointLabel
            .Append(trainers.PerView(trainers.LightGbm("JointLabel", "Views")))          // -> JointScore
            .Append(mlContext.Transforms.AggregateViews())                               // -> Score, PredictedLabel
            .Fit(rows);
        #endregion
        return model.Transform(rows);
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
