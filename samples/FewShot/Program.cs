// An app that learns new classes while it runs, from five photos each and without any training. An embedding is trained once, on other
// classes, and saved. The app loads it, and compares a photo with the mean embedding of each class.
//   dotnet run -c Release --project samples/FewShot
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

const int Photos = 5;
string[] newClasses = ["bag", "sandal"];
string folder = Path.Combine("artifacts", "few-shot");
string images = Path.Combine(folder, "images");
if (!Directory.Exists(Path.Combine(images, "train")))
    ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), images, overwriteFiles: true);

LabelledImage[] train = Images("train"), test = Images("test");
var mlContext = new MLContext(seed: 1);

TrainEmbedding(Path.Combine(folder, "embedding.zip"));

// The app. It starts with the classes that the embedding was trained on.
using var embedding = SlaEmbeddingTransformer.Load(mlContext, Path.Combine(folder, "embedding.zip"));
var loading = mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath").Fit(Rows(train));
using var known = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(Labelled(train.Where(image => !newClasses.Contains(image.Label))));
Show("as it starts", known);

// A user shows it five photos of a bag, and then five of a sandal.
using var withBag = known.WithClass(newClasses[0], Embedded(PhotosOf(newClasses[0])));
using var withBoth = withBag.WithClass(newClasses[1], Embedded(PhotosOf(newClasses[1])));
Show("after five photos each", withBoth);
Save(withBoth, Path.Combine(folder, "model.zip"));

// Bags are no longer wanted.
using var withoutBag = withBoth.WithoutClass(newClasses[0]);
Show($"without '{newClasses[0]}'", withoutBag);
return;

void TrainEmbedding(string path)
{
    var rows = Rows(train.Where(image => !newClasses.Contains(image.Label)));
    var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
        .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
        .Append(mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            Architecture = Architecture.ConvNet(32),
            Ways = 8,
            Shots = 5,
            Queries = 5,
            Episodes = 300,
            LearningRateSchedule = LearningRateSchedule.Cosine,
            Augmentations = [ImageAugmentation.RandomCrop(2)],
            MetricsCallback = m => Console.Error.Write($"\repisode {m.Step}/{m.Steps}, loss {m.Loss:F3}, {m.Remaining:mm\\:ss} left "),
        }));
    using var model = pipeline.Fit(rows);
    Console.Error.WriteLine();
    mlContext.Model.Save(model, rows.Schema, path);
}

void Show(string when, PrototypeTransformer classifier)
{
    var predicted = Named(classifier.Transform(Embedded(test))).Zip(test, (said, image) => (Said: said, image.Label)).ToList();
    string ofNew = string.Join(", ", newClasses.Select(name => $"{name} {predicted.Where(row => row.Label == name).Average(row => row.Said == name ? 1 : 0):P0}"));
    double ofKnown = predicted.Where(row => !newClasses.Contains(row.Label)).Average(row => row.Said == row.Label ? 1 : 0);
    Console.WriteLine($"{when}: {classifier.ClassNames.Count} classes; right: {ofNew}, the others {ofKnown:P0}");
}

// The saved model has ML.NET's own transformers, from the path of a file to the name of its class. A program without this library can load it.
void Save(PrototypeTransformer classifier, string path)
{
    var naming = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel").Fit(classifier.Transform(Embedded(test)));
    var paths = mlContext.Data.LoadFromEnumerable(Array.Empty<ImageFile>());
    mlContext.Model.Save(new TransformerChain<ITransformer>(loading, embedding, classifier, naming), paths.Schema, path);

    using var engine = mlContext.Model.CreatePredictionEngine<ImageFile, Prediction>(mlContext.Model.Load(path, out _));
    foreach (var image in test.Where((_, i) => i % 100 == 0))
    {
        var prediction = engine.Predict(new ImageFile { ImagePath = image.ImagePath });
        Console.WriteLine($"  {image.ImagePath}: {prediction.PredictedLabelName} ({prediction.Score.Max():P0})");
    }
}

// The images of a half in the same order on every machine. Their class is the name of their folder.
LabelledImage[] Images(string half) =>
[
    .. Directory.GetFiles(Path.Combine(images, half), "*.png", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path))!)),
];

IEnumerable<LabelledImage> PhotosOf(string name) => train.Where(image => image.Label == name).Take(Photos);

IDataView Rows(IEnumerable<LabelledImage> list) => mlContext.Data.LoadFromEnumerable(list);

IDataView Embedded(IEnumerable<LabelledImage> list) => embedding.Transform(loading.Transform(Rows(list)));

IDataView Labelled(IEnumerable<LabelledImage> list)
{
    var rows = Embedded(list);
    return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
}

IEnumerable<string> Named(IDataView scored) =>
    mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel").Fit(scored).Transform(scored).GetColumn<string>("PredictedLabelName");

internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>What the saved model takes.</summary>
internal sealed class ImageFile
{
    public string ImagePath { get; set; } = "";
}

/// <summary>What the saved model gives: the name of the most probable class, and the probability of each class.</summary>
internal sealed class Prediction
{
    public string PredictedLabelName { get; set; } = "";

    public float[] Score { get; set; } = [];
}
