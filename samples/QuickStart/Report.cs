using System.Text.Json;
using Microsoft.ML.Sla;
using Spectre.Console;

namespace QuickStart;

/// <summary>A row of the table, and an object of metrics.json.</summary>
internal sealed record Result(string Name, double Accuracy, double LogLoss, double MsPerImage, long ModelBytes, double TrainingSeconds);

/// <summary>What the sample shows in the terminal.</summary>
internal static class Report
{
    public static JsonSerializerOptions Json { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    /// <summary>Runs a training under a progress bar with the time left.</summary>
    public static T WithProgress<T>(string name, Func<Action<TrainingProgress>, T> train) => AnsiConsole.Progress()
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .Start(context =>
        {
            var task = context.AddTask(name);
            return train(metrics =>
            {
                task.MaxValue = metrics.Steps;
                task.Value = metrics.Step;
                task.Description = $"{name}: epoch {metrics.Epoch}/{metrics.Epochs}, loss {metrics.Loss:F3}, {metrics.ImagesPerSecond:F0} images/s";
            });
        });

    public static void Table(IEnumerable<Result> results, int testImages)
    {
        var table = new Table().Title($"{testImages} test images").AddColumns("", "accuracy", "log-loss", "ms/image", "model size", "training");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var r in results)
            table.AddRow(r.Name, $"{r.Accuracy:P1}", $"{r.LogLoss:F3}", $"{r.MsPerImage:F2}", $"{r.ModelBytes / 1024.0:F0} KiB", $"{r.TrainingSeconds:F0} s");
        AnsiConsole.Write(table);
    }
}
