namespace Microsoft.ML.Sla;

/// <summary>
/// The progress of a training run, for <see cref="ImageTrainerOptions.MetricsCallback"/> and <see cref="ITrainingObserver"/>.
/// </summary>
public sealed record TrainingProgress
{
    /// <summary>The current epoch, 1 to <see cref="Epochs"/>.</summary>
    public required int Epoch { get; init; }

    /// <summary>Number of epochs of the run; with <see cref="SlaTrainer.Options.TrainingTime"/>, those that fit at the speed so far.</summary>
    public required int Epochs { get; init; }

    /// <summary>Steps done, 1 to <see cref="Steps"/>.</summary>
    public required long Step { get; init; }

    /// <summary>Number of steps of the run; with <see cref="SlaTrainer.Options.TrainingTime"/>, those that fit at the speed so far.</summary>
    public required long Steps { get; init; }

    /// <summary>Mean loss of the epoch's steps so far.</summary>
    public required double Loss { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Labelled images per second of training; views and the time of validation do not count.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Time since the first step of this process.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Whether the epoch is complete.</summary>
    public bool IsEpochEnd { get; init; }

    /// <summary>
    /// Share of the validation rows whose class is predicted, 0 to 1, at the end of an epoch. Null within an epoch, and without validation
    /// rows.
    /// </summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>Mean cross-entropy of the validation rows, in nats; null whenever the validation accuracy is null.</summary>
    public double? ValidationLoss { get; init; }

    private readonly TimeSpan? _left;

    /// <summary>The accuracy on training rows, at the end of an epoch; see <see cref="EpochMetrics.TrainingAccuracy"/>.</summary>
    public double? TrainingAccuracy { get; init; }

    /// <summary>Steps already done in the checkpoint that this process resumed from; otherwise 0.</summary>
    public long FirstStep { get; init; }

    /// <summary>
    /// Estimated time for the rest of the run, at the speed so far. With <see cref="SlaTrainer.Options.TrainingTime"/>, the rest of that time.
    /// </summary>
    public TimeSpan Remaining
    {
        get => _left ?? (Step == FirstStep ? TimeSpan.Zero : Elapsed * ((double)(Steps - Step) / (Step - FirstStep)));
        internal init => _left = value;
    }
}
