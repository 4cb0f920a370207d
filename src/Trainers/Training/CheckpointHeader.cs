namespace Microsoft.ML.Sla.Training;

/// <summary>What a checkpoint says of its run, besides the tensors.</summary>
/// <param name="Identity">Which run it is.</param>
/// <param name="Step">Steps done.</param>
/// <param name="EpochLoss">Sum of the losses of the current epoch's steps.</param>
/// <param name="Epochs">The epochs that are complete.</param>
/// <param name="IsFinished">Whether the run has come to its end.</param>
internal sealed record CheckpointHeader(RunIdentity Identity, long Step, double EpochLoss, IReadOnlyList<EpochMetrics> Epochs, bool IsFinished);
