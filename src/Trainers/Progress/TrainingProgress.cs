namespace Microsoft.ML.Sla;

/// <summary>
/// Where a training run stands. Passed to <see cref="ImageTrainerOptions.MetricsCallback"/> and to an <see cref="ITrainingObserver"/>.
/// </summary>
/// <param name="Epoch">The current epoch, 1 to <paramref name="Epochs"/>.</param>
/// <param name="Epochs">Number of epochs of the run.</param>
/// <param name="Step">Steps done, 1 to <paramref name="Steps"/>.</param>
/// <param name="Steps">Number of steps of the run.</param>
/// <param name="Loss">Mean loss of the epoch's steps so far.</param>
/// <param name="LearningRate">Learning rate of the last step.</param>
/// <param name="ImagesPerSecond">Labelled images trained on in a second (views not counted), validation left out.</param>
/// <param name="Elapsed">Time since the first step of this process.</param>
/// <param name="IsEpochEnd">Whether the epoch is complete.</param>
/// <param name="ValidationAccuracy">
/// Share of the validation rows whose class is predicted, 0 to 1, at the end of an epoch; null within an epoch, and where
/// there are no validation rows.
/// </param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation rows, in nats; null as the accuracy is.</param>
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
    /// <summary>The accuracy on training rows, at the end of an epoch; see <see cref="EpochMetrics.TrainingAccuracy"/>.</summary>
    public double? TrainingAccuracy { get; init; }

    /// <summary>Steps that an earlier process did, where this one goes on from its checkpoint; otherwise 0.</summary>
    public long FirstStep { get; init; }

    /// <summary>Time that the rest of the run takes at the speed so far.</summary>
    public TimeSpan Remaining => Step == FirstStep ? TimeSpan.Zero : Elapsed * ((double)(Steps - Step) / (Step - FirstStep));
}
