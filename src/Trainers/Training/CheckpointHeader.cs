namespace Microsoft.ML.Sla.Training;

/// <summary>The state of a checkpoint's run, without its tensors.</summary>
/// <param name="Identity">Identifies the run.</param>
/// <param name="Step">Steps done.</param>
/// <param name="EpochLoss">Sum of the losses of the current epoch's steps.</param>
/// <param name="Epochs">The epochs that are complete.</param>
/// <param name="IsFinished">Whether the run is finished.</param>
internal sealed record CheckpointHeader(RunIdentity Identity, long Step, double EpochLoss, IReadOnlyList<EpochMetrics> Epochs, bool IsFinished)
{
    /// <summary>The time and the share of the schedule that are over; null for a run by epochs.</summary>
    public TrainingTime? Time { get; init; }
}
