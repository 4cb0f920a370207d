// Label augmentation without a network: one of ML.NET's own trainers learns (class, rotation) as one joint label, and its
// predictions for the four views of an image are averaged. Compares that with the same model looking at one view, and with
// the same trainer on the images alone, on 60 images of each class. (On all 200 the trainer on the images alone is ahead.)
//   dotnet run -c Release --project samples/AnyTrainer
using System.Diagnostics;
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
using Microsoft.ML.Trainers.LightGbm;
using Microsoft.ML.Transforms.Image;

string folder = Path.Combine("artifacts", "any-trainer");
if (!Directory.Exists(Path.Combine(folder, "test")))
    ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), folder, overwriteFiles: true);

var mlContext = new MLContext(seed: 1);
var trainers = mlContext.MulticlassClassification.Trainers;
var train = Images("train");
var test = Images("test");

// Grey pixels of 14 x 14, enough for trees.
var pixels = mlContext.Transforms.Conversion.MapValueToKey("Label")
    .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 14, imageHeight: 14))
    .Append(mlContext.Transforms.ExtractPixels("Features", "Image", ImagePixelExtractingEstimator.ColorBits.Red));

var plain = pixels.Append(trainers.LightGbm(Options("Label", "Features")));

var augmented = pixels
    .Append(mlContext.Transforms.AugmentLabels(TransformationSet.Rotation))        // Features, Label -> Views, JointLabel
    .Append(trainers.PerView(trainers.LightGbm(Options("JointLabel", "Views"))))   // -> JointScore
    .Append(mlContext.Transforms.AggregateViews());                                // -> Score, PredictedLabel

Evaluate("LightGbm on the images", plain);
using var model = Evaluate("LightGbm on joint labels, aggregated", augmented);
Console.WriteLine($"{"LightGbm on joint labels, single view",-40} {SingleViewAccuracy(model.Transform(test), views: 4):P1}");
mlContext.Model.Save(model, train.Schema, Path.Combine(folder, "model.zip"));

TransformerChain<T> Evaluate<T>(string name, EstimatorChain<T> pipeline)
    where T : class, ITransformer
{
    var clock = Stopwatch.StartNew();
    var fitted = pipeline.Fit(train);
    double seconds = clock.Elapsed.TotalSeconds;
    var metrics = mlContext.MulticlassClassification.Evaluate(fitted.Transform(test));
    Console.WriteLine($"{name,-40} {metrics.MicroAccuracy:P1}   log-loss {metrics.LogLoss:F3}   training {seconds:F0} s");
    return fitted;
}

// The first N*M scores are those of the image without a rotation. Of these, each M-th is the score of a joint label (class, no rotation).
static double SingleViewAccuracy(IDataView scored, int views)
{
    int classes = (int)((KeyDataViewType)scored.Schema["Label"].Type).Count;
    var rows = scored.GetColumn<float[]>("JointScore").Zip(scored.GetColumn<uint>("Label"), (scores, label) => (scores, label));
    return rows.Average(row => Enumerable.Range(0, classes).MaxBy(i => row.scores[i * views]) == row.label - 1 ? 1.0 : 0.0);
}

IDataView Images(string half) => mlContext.Data.LoadFromEnumerable(
    Directory.GetFiles(Path.Combine(folder, half), "*.png", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path))!))
        .GroupBy(image => image.Label).SelectMany(images => half == "train" ? images.Take(60) : images));

static LightGbmMulticlassTrainer.Options Options(string label, string features) => new()
{
    LabelColumnName = label,
    FeatureColumnName = features,
    NumberOfIterations = 60,
    LearningRate = 0.1,

    // Each tree sees a tenth of the pixels. Trees that see all of them grow alike for all rotations, and averaging them adds nothing.
    Booster = new GradientBooster.Options { FeatureFraction = 0.1 },
    NumberOfLeaves = 8,
    MinimumExampleCountPerLeaf = 5,
    Seed = 1,
};

internal sealed record LabelledImage(string ImagePath, string Label);
