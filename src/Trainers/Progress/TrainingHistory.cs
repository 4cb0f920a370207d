using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla;

/// <summary>
/// The history of a training run. It has no times, and data, options and seed determine its contents: a run gives the same history
/// whether it was resumed or not. An <see cref="ITrainingObserver"/> receives times.
/// </summary>
public sealed record TrainingHistory
{
    /// <summary>The seed of the run.</summary>
    public required int Seed { get; init; }

    /// <summary>Number of training images.</summary>
    public required int Images { get; init; }

    /// <summary>Number of validation images.</summary>
    public int ValidationImages { get; init; }

    /// <summary>Number of rows left out because their image could not be read.</summary>
    public int UnreadableImages { get; init; }

    /// <summary>The epochs, in order.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>The epoch whose weights the model has, counted from 1; null if it has those of the last step.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>Whether early stopping ended the run.</summary>
    public bool StoppedEarly { get; init; }

    /// <summary>The epoch whose weights the model has: the best one, or the last.</summary>
    [JsonIgnore]
    public EpochMetrics KeptEpoch => Epochs[(BestEpoch ?? Epochs.Count) - 1];
}

/// <summary>One epoch of a training run.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch's number, counted from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Steps done at the end of the epoch.</summary>
    public required long Step { get; init; }

    /// <summary>Mean training loss of the epoch's steps.</summary>
    public required double Loss { get; init; }

    /// <summary>Learning rate of the epoch's last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Share of the validation rows whose class is predicted, 0 to 1; null without validation rows.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>Mean cross-entropy of the validation rows, in nats; null without validation rows.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>
    /// Share of training rows whose class is predicted, 0 to 1, measured on as many rows as there are validation rows. Null unless
    /// <see cref="SlaTrainer.Options.MeasureTrainingAccuracy"/> is set.
    /// </summary>
    public double? TrainingAccuracy { get; init; }
}
