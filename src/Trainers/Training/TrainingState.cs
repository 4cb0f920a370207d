using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla.Training;

/// <summary>A training run between two steps: all that its future depends on, besides its data and settings.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="EpochLoss">Sum of the losses of the current epoch's steps.</param>
/// <param name="Epochs">The epochs that are complete.</param>
/// <param name="Network">Parameters and running statistics.</param>
/// <param name="Momenta">The optimiser's momentum of each parameter that has moved.</param>
/// <param name="Average">The averaged weights; null where they are not averaged.</param>
/// <param name="Best">The weights of the best epoch so far; null where none are kept.</param>
internal sealed record TrainingState(
    long Step, double EpochLoss, IReadOnlyList<EpochMetrics> Epochs, Weights Network, Weights Momenta, Weights? Average, Weights? Best);
