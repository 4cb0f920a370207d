#region program
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Sla;
#endregion

namespace Guides.Search;

internal static class SearchGuide
{
    public static async Task RunAsync(string[] args)
    {
        #region program
        uint seconds = args is [var text, ..] ? uint.Parse(text, CultureInfo.InvariantCulture) : 600;
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)
                .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
            .Fit(files);

        using var found = await mlContext.MulticlassClassification
            .CreateSlaExperiment(options =>
            {
                options.FeatureColumnName = "Image";
                options.ImageWidth = 32;
                options.ImageHeight = 32;
                options.BatchSize = 64;
            })
            .SetDataset(preparation.Transform(files), validationFraction: 0.2f, holdOut: true)
            .SetTrainingTimeInSeconds(seconds)
            .SetSearchSpace(new SlaSearchSpace().Fix("Architecture", "conv-net-64"))
            .SetMonitor(new ConsoleMonitor())
            .RunAsync();

        Console.WriteLine($"the best of {found.Trials.Count} trials is {found.Best}");
        Console.WriteLine($"{found.Best.Last?.Accuracy:P1} of the held-out rows are right");
        mlContext.Model.Save(preparation.Append(found.Model), files.Schema, "model.zip");
        #endregion
    }
}

#region program
internal sealed class ConsoleMonitor : ISlaExperimentMonitor
{
    public void ReportCompletedTrial(SlaTrial trial) =>
        Console.WriteLine($"{trial.Last!.Elapsed,4:F0} s  {trial.Last.Accuracy:P1}  {trial}");

    public void ReportFailTrial(SlaTrial trial) => Console.WriteLine($"{trial} failed: {trial.Failure}");
}
#endregion
