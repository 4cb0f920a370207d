// Compares transformations and learning rates by hand, with ML.NET's own CrossValidate: the trainer is an estimator like any other.
// (The sample Search leaves that to the library.)
//   dotnet run -c Release --project samples/Sweep
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Sla;

const int ImagesOfClass = 40;
string images = Path.Combine("artifacts", "sweep", "images");
if (!Directory.Exists(Path.Combine(images, "train")))
    ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), images, overwriteFiles: true);

var mlContext = new MLContext(seed: 1);
var train = mlContext.Data.LoadFromEnumerable(Images("train").GroupBy(image => image.Label).SelectMany(ofClass => ofClass.Take(ImagesOfClass)));
var test = mlContext.Data.LoadFromEnumerable(Images("test"));
var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"));
var prepared = preparation.Fit(train);

// Every combination of the values. The mean accuracy of three folds decides.
var best = (Accuracy: 0.0, Options: new SlaTrainer.Options());
foreach (var transformations in new[] { TransformationSet.None, TransformationSet.HorizontalFlip })
{
    foreach (double rate in new[] { 0.05, 0.2 })
    {
        var options = Options(transformations, rate);
        var folds = mlContext.MulticlassClassification.CrossValidate(prepared.Transform(train), mlContext.MulticlassClassification.Trainers.Sla(options), numberOfFolds: 3);
        double accuracy = folds.Average(fold => fold.Metrics.MicroAccuracy);
        Console.WriteLine($"{transformations.Name,-16} learning rate {rate:F2}: {accuracy:P1}, folds {string.Join(", ", folds.Select(fold => $"{fold.Metrics.MicroAccuracy:P1}"))}");
        foreach (var fold in folds)
            ((IDisposable)fold.Model).Dispose();
        if (accuracy > best.Accuracy)
            best = (accuracy, options);
    }
}

using var model = mlContext.MulticlassClassification.Trainers.Sla(best.Options).Fit(prepared.Transform(train));
var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(prepared.Transform(test)));
Console.WriteLine($"{best.Options.Transformations.Name}, learning rate {best.Options.LearningRate}: {metrics.MicroAccuracy:P1} on test images");
mlContext.Model.Save(model, train.Schema, Path.Combine("artifacts", "sweep", "model.zip"));

// The images of a half in the same order on every machine. Their class is the name of their folder.
LabelledImage[] Images(string half) =>
[
    .. Directory.GetFiles(Path.Combine(images, half), "*.png", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path))!)),
];

static SlaTrainer.Options Options(TransformationSet transformations, double rate) => new()
{
    FeatureColumnName = "Image",
    Channels = 1,
    Transformations = transformations,
    Architecture = Architecture.CifarResNet(depth: 8),
    Epochs = 6,
    BatchSize = 32,
    LearningRate = rate,
    LearningRateSchedule = LearningRateSchedule.OneCycle,
    Augmentations = [ImageAugmentation.RandomCrop(2)],
};

internal sealed record LabelledImage(string ImagePath, string Label);
