namespace Microsoft.ML.Sla;

/// <summary>
/// The progress of a training run, for <see cref="ImageTrainerOptions.MetricsCallback"/> and <see cref="ITrainingObserver"/>.
/// </summary>
/// <param name="Epoch">The current epoch, 1 to <paramref name="Epochs"/>.</param>
/// <param name="Epochs">Number of epochs of the run; with <see cref="SlaTrainer.Options.TrainingTime"/>, those that fit at the speed so far.</param>
/// <param name="Step">Steps done, 1 to <paramref name="Steps"/>.</param>
/// <param name="Steps">Number of steps of the run; with <see cref="SlaTrainer.Options.TrainingTime"/>, those that fit at the speed so far.</param>
/// <param name="Loss">Mean loss of the epoch's steps so far.</param>
/// <param name="LearningRate">Learning rate of the last step.</param>
/// <param name="ImagesPerSecond">Labelled images per second of training; views and the time of validation do not count.</param>
/// <param name="Elapsed">Time since the first step of this process.</param>
/// <param name="IsEpochEnd">Whether the epoch is complete.</param>
/// <param name="ValidationAccuracy">
/// Share of the validation rows whose class is predicted, 0 to 1, at the end of an epoch. Null within an epoch, and without validation
/// rows.
/// </param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation rows, in nats; null whenever the validation accuracy is null.</param>
public sealed record TrainingProgress(
    int Epoch,
    int Epochs,
    long Step,
    long Steps,
    double Loss,
    double LearningRate,
    double ImagesPerSecond,
    TimeSpan Elapsed,
    bool IsEpochEnd,
    double? ValidationAccuracy,
    double? ValidationLoss)
{
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
