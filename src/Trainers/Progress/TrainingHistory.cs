using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>
/// The history of a training run. It has no times, and data, options and seed determine its contents: a run gives the same history
/// whether it was resumed or not. An <see cref="ITrainingObserver"/> receives times.
/// </summary>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Images">Number of training images.</param>
/// <param name="ValidationImages">Number of validation images.</param>
/// <param name="UnreadableImages">Number of rows left out because their image could not be read.</param>
/// <param name="Epochs">The epochs, in order.</param>
/// <param name="BestEpoch">The epoch whose weights the model has, counted from 1; null if it has those of the last step.</param>
/// <param name="StoppedEarly">Whether early stopping ended the run.</param>
public sealed record TrainingHistory(
    int Seed,
    int Images,
    int ValidationImages,
    int UnreadableImages,
    IReadOnlyList<EpochMetrics> Epochs,
    int? BestEpoch,
    bool StoppedEarly)
{
    /// <summary>The epoch whose weights the model has: the best one, or the last.</summary>
    [JsonIgnore]
    public EpochMetrics KeptEpoch => Epochs[(BestEpoch ?? Epochs.Count) - 1];
}

/// <summary>One epoch of a training run.</summary>
/// <param name="Epoch">The epoch's number, counted from 1.</param>
/// <param name="Step">Steps done at the end of the epoch.</param>
/// <param name="Loss">Mean training loss of the epoch's steps.</param>
/// <param name="LearningRate">Learning rate of the epoch's last step.</param>
/// <param name="ValidationAccuracy">Share of the validation rows whose class is predicted, 0 to 1; null without validation rows.</param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation rows, in nats; null without validation rows.</param>
public sealed record EpochMetrics(int Epoch, long Step, double Loss, double LearningRate, double? ValidationAccuracy, double? ValidationLoss)
{
    /// <summary>
    /// Share of training rows whose class is predicted, 0 to 1, measured on as many rows as there are validation rows. Null unless
    /// <see cref="SlaTrainer.Options.MeasureTrainingAccuracy"/> is set.
    /// </summary>
    public double? TrainingAccuracy { get; init; }
}
