using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>
/// How a training run went. It holds what is determined by data, options and seed, so that the same run gives the same
/// history, resumed or not; times are for an <see cref="ITrainingObserver"/>.
/// </summary>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Images">Number of images that were trained on.</param>
/// <param name="ValidationImages">Number of images that accuracy was measured on.</param>
/// <param name="UnreadableImages">Number of rows left out because their image could not be read.</param>
/// <param name="Epochs">The epochs, in order.</param>
/// <param name="BestEpoch">The epoch whose weights the model has, counted from 1; null where they are those of the last step.</param>
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
/// <param name="Epoch">Its number, counted from 1.</param>
/// <param name="Step">Steps done at its end.</param>
/// <param name="Loss">Mean training loss of its steps.</param>
/// <param name="LearningRate">Learning rate of its last step.</param>
/// <param name="ValidationAccuracy">Share of the validation rows whose class is predicted, 0 to 1; null where there are none.</param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation rows, in nats; null where there are none.</param>
public sealed record EpochMetrics(int Epoch, long Step, double Loss, double LearningRate, double? ValidationAccuracy, double? ValidationLoss)
{
    /// <summary>
    /// Share of as many training rows as there are validation rows whose class is predicted, 0 to 1; null unless
    /// <see cref="SlaTrainer.Options.MeasureTrainingAccuracy"/> is set.
    /// </summary>
    public double? TrainingAccuracy { get; init; }
}
