using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Guides.Examples;

/// <summary>The examples of the XML documentation.</summary>
internal static class ExamplesCode
{
    public static void Train()
    {
        #region Train
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
            {
                FeatureColumnName = "Image",
                ImageWidth = 32,
                ImageHeight = 32,
                Epochs = 40,
                ViewsPerStep = 2,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));

        using var model = pipeline.Fit(photos);
        mlContext.Model.Save(model, photos.Schema, "model.zip");
        #endregion
    }

    public static void FindLearningRate()
    {
        #region FindLearningRate
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(photos).Transform(photos);

        var options = new SlaTrainer.Options { FeatureColumnName = "Image", ImageWidth = 32, ImageHeight = 32 };
        var range = mlContext.MulticlassClassification.Trainers.Sla(options).FindLearningRate(rows);
        options.LearningRate = range.Suggested;
        #endregion
    }

    public static void Serve()
    {
        #region Serve
        var builder = WebApplication.CreateBuilder();
        builder.Services.AddSlaPredictor("model.zip");
        builder.Services.AddHealthChecks().AddSlaPredictor();

        var app = builder.Build();
        app.MapHealthChecks("/health");
        app.MapPost("/predict", async (Stream image, SlaPredictorService predictor) => (await predictor.PredictAsync(image)).Top(3));
        #endregion
        app.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    public static void Predict()
    {
        #region Predict
        using var predictor = SlaPredictor.Load("model.zip");
        var prediction = predictor.Predict("new.jpg");
        foreach (var (name, probability) in prediction.Top(3))
            Console.WriteLine($"{name}: {probability:P0}");
        #endregion
    }

    public static void Export()
    {
        #region Export
        using var model = SlaTransformer.Load(new MLContext(), "model.zip");
        using var aggregated = model.WithInference(SlaInference.Aggregated);
        aggregated.ExportOnnx("model.onnx");
        #endregion
    }

    public static void TrainEmbedding()
    {
        #region TrainEmbedding
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(photos).Transform(photos);

        using var embedding = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = 32,
            ImageHeight = 32,
            Ways = 3,
            Shots = 5,
            Queries = 5,
            Episodes = 1_000,
        }).Fit(rows);
        mlContext.Model.Save(embedding, rows.Schema, "embedding.zip");
        #endregion
    }

    public static void LearnClasses()
    {
        #region LearnClasses
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(photos).Transform(photos);

        using var embedding = SlaEmbeddingTransformer.Load(mlContext, "embedding.zip");
        using var classifier = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding)
            .Fit(embedding.Transform(rows));
        Console.WriteLine(string.Join(", ", classifier.ClassNames));
        #endregion
    }

    public static void Search()
    {
        #region Search
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(photos).Transform(photos);

        using var found = mlContext.MulticlassClassification
            .CreateSlaExperiment(options =>
            {
                options.FeatureColumnName = "Image";
                options.ImageWidth = 32;
                options.ImageHeight = 32;
            })
            .SetDataset(rows, validationFraction: 0.2f)
            .SetTrainingTimeInSeconds(600)
            .Run();
        Console.WriteLine($"{found.Best}: {found.Best.Last?.Accuracy:P1}");
        mlContext.Model.Save(found.Model, rows.Schema, "model.zip");
        #endregion
    }

    public static void Augment()
    {
        #region Augment
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        var trainers = mlContext.MulticlassClassification.Trainers;
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 14, imageHeight: 14))
            .Append(mlContext.Transforms.ExtractPixels("Features", "Image"))
            .Append(mlContext.Transforms.AugmentLabels(TransformationSet.Rotation))                 // -> Views, JointLabel
            .Append(trainers.PerView(trainers.LbfgsMaximumEntropy("JointLabel", "Views")))          // -> JointScore
            .Append(mlContext.Transforms.AggregateViews());                                         // -> Score, PredictedLabel

        using var model = pipeline.Fit(photos);
        mlContext.Model.Save(model, photos.Schema, "model.zip");
        #endregion
    }

    public static void LoadUpright()
    {
        #region LoadUpright
        var mlContext = new MLContext(seed: 1);
        var photos = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/<class>/<name>.jpg
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));

        var images = mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: 448)
            .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 224, imageHeight: 224))
            .Fit(photos).Transform(photos);
        foreach (var image in images.GetColumn<MLImage>("Image"))
        {
            using (image)
                Console.WriteLine($"{image.Width} x {image.Height}");
        }
        #endregion
    }
}
