// Finds the transformations and settings that suit the images, in 20 seconds or in the seconds that are given:
//   dotnet run -c Release --project samples/Search -- 60
using System.Globalization;
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Sla;

string images = Path.Combine("artifacts", "search", "images");
if (!Directory.Exists(Path.Combine(images, "train")))
    ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), images, overwriteFiles: true);

var mlContext = new MLContext(seed: 1);
var train = Rows("train");
var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath")).Fit(train);

var experiment = mlContext.MulticlassClassification.CreateSlaExperiment(options => (options.FeatureColumnName, options.Channels, options.BatchSize) = ("Image", 1, 64))
    .SetDataset(preparation.Transform(train), validationFraction: 0.2f)
    .SetTrainingTimeInSeconds(args is [var seconds] ? uint.Parse(seconds, CultureInfo.InvariantCulture) : 20)
    .SetSearchSpace(new SlaSearchSpace().Fix("Architecture", "conv-net-64"))
    .SetMonitor(new Leaderboard());
using var found = await experiment.RunAsync();

var metrics = mlContext.MulticlassClassification.Evaluate(found.Model.Transform(preparation.Transform(Rows("test"))));
Console.WriteLine($"{found.Best} is the best of {found.Trials.Count}, {metrics.MicroAccuracy:P1} on test images after {found.Elapsed.TotalSeconds:F0} s");
mlContext.Model.Save(found.Model, train.Schema, Path.Combine("artifacts", "search", "model.zip"));

// The images of a half in the same order on every machine. Their class is the name of their folder.
IDataView Rows(string half) => mlContext.Data.LoadFromEnumerable(
    Directory.GetFiles(Path.Combine(images, half), "*.png", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path))!)));

internal sealed record LabelledImage(string ImagePath, string Label);

/// <summary>Writes a line for each trial that ends.</summary>
internal sealed class Leaderboard : ISlaExperimentMonitor
{
    public void ReportCompletedTrial(SlaTrial trial) => Console.WriteLine($"{trial.Last!.Elapsed,4:F0} s  {trial.Last.Accuracy:P1}  step {trial.Last.Steps}/{trial.Steps}  {trial}");

    public void ReportFailTrial(SlaTrial trial) => Console.WriteLine($"{trial} failed: {trial.Failure}");
}
