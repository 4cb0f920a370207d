using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla.Training;

/// <summary>The state of a training run between two steps: with the data and settings, it determines the rest of the run.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="EpochLoss">Sum of the losses of the current epoch's steps.</param>
/// <param name="Epochs">The complete epochs.</param>
/// <param name="Network">Parameters and running statistics.</param>
/// <param name="Momenta">The optimiser's momentum of each parameter that was updated.</param>
/// <param name="Average">The averaged weights; null without weight averaging.</param>
/// <param name="Best">The weights of the best epoch so far; null if the run does not keep them.</param>
internal sealed record TrainingState(
    long Step, double EpochLoss, IReadOnlyList<EpochMetrics> Epochs, Weights Network, Weights Momenta, Weights? Average, Weights? Best)
{
    /// <summary>How much time and schedule are over; null for a run that has no time.</summary>
    public TrainingTime? Time { get; init; }
}
