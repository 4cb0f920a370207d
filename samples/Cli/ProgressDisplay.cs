using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Sla;
using Spectre.Console;

namespace Sla;

/// <summary>Shows the progress of a training: a bar on a terminal, otherwise lines.</summary>
internal sealed class ProgressDisplay : ITrainingObserver
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    private readonly string _classes;
    private readonly ProgressTask? _bar;
    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private double? _accuracy;
    private string? _heads;

    private ProgressDisplay(string classes, ProgressTask? bar) => (_classes, _bar) = (classes, bar);

    /// <summary>Runs a training with its observer.</summary>
    /// <param name="classes">A line about the classes, which is shown when the training begins.</param>
    /// <param name="train">Runs the training.</param>
    public static T Show<T>(string classes, Func<ProgressDisplay, T> train)
    {
        if (!Terminal.IsLive)
            return train(new ProgressDisplay(classes, bar: null));
        return Terminal.Progress.Progress()
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => train(new ProgressDisplay(classes, context.AddTask("reading the images"))));
    }

    public void OnStart(TrainingStarted plan)
    {
        Say(_heads is null ? _classes : $"The layer on top is trained{_heads}. Now all weights are.");
        string line = string.Create(CultureInfo.InvariantCulture,
            $"Training on {Plural.Of(plan.Images, "image")} of {Plural.Of(plan.Classes, "class")}, validating on {plan.ValidationImages}; {plan.ImageShape}; {plan.Architecture}; {plan.Objective}, {plan.Transformations.Name}; {(plan.TrainingTime is { } time ? $"{time:hh\\:mm\\:ss}" : Plural.Of(plan.Epochs, "epoch"))}");
        Say(line);
        if (plan.FirstStep > 0)
            Say($"Continuing after step {plan.FirstStep}{(plan.TrainingTime is null ? $" of {plan.Steps}" : "")}.");
    }

    public void OnEmbedding(EmbeddingProgress progress)
    {
        string line = progress.ViewsPerSecond == 0
            ? $"{progress.Views} of {progress.Total} views known from before"
            : string.Create(CultureInfo.InvariantCulture, $"{progress.Views} of {progress.Total} views through the network: {progress.ViewsPerSecond:F0} views/s, {progress.Remaining:hh\\:mm\\:ss} left");
        Show(line, progress.Views, progress.Total, isLineDue: progress.Views == progress.Total || _sinceLine.Elapsed > LineInterval);
    }

    public void OnComparison(ObjectiveComparison comparison)
    {
        var losses = comparison.Objectives.Select(objective => string.Create(CultureInfo.InvariantCulture, $"{objective} {objective.LogLoss:F3}"));
        Say($"Log-loss on {Plural.Of(comparison.Images, "image")}, over folds: {string.Join(", ", losses)}.");
        Say($"{comparison.Chosen} is trained: it has the fewest views among those that are as good as the best, within the noise.");
    }

    public void OnProgress(TrainingProgress metrics) => Show(metrics, isLineDue: _sinceLine.Elapsed > LineInterval);

    public void OnEpochEnd(TrainingProgress metrics)
    {
        _accuracy = metrics.ValidationAccuracy;
        Show(metrics, isLineDue: true);
    }

    /// <summary>Another training may follow, of all weights.</summary>
    public void OnEnd(TrainingHistory history) => _heads = MeasuredAccuracy.Of(history) is { } measured ? $": {measured}" : "";

    /// <summary>Writes a line, above the bar where there is one.</summary>
    private void Say(string line)
    {
        if (_bar is null)
            Terminal.Note(line);
        else
            Terminal.Progress.MarkupLine(Terminal.Cell(line));
    }

    private void Show(TrainingProgress metrics, bool isLineDue)
    {
        string line = string.Create(CultureInfo.InvariantCulture,
            $"epoch {metrics.Epoch}/{metrics.Epochs}, step {metrics.Step}/{metrics.Steps}: loss {metrics.Loss:F3}{(_accuracy is { } accuracy ? $", accuracy {accuracy:P1}" : "")}, "
            + $"{metrics.ImagesPerSecond:F0} images/s, learning rate {metrics.LearningRate:G3}, {Environment.WorkingSet / (1 << 20)} MiB, {metrics.Remaining:hh\\:mm\\:ss} left");
        Show(line, metrics.Step, metrics.Steps, isLineDue);
    }

    private void Show(string line, long done, long total, bool isLineDue)
    {
        if (_bar is not null)
        {
            _bar.MaxValue = total;
            _bar.Value = done;
            _bar.Description = Terminal.Cell(line);
        }
        else if (isLineDue)
        {
            Terminal.Note(line);
            _sinceLine.Restart();
        }
    }
}
