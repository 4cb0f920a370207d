namespace Microsoft.ML.Sla;

/// <summary>How fast a machine trains. See <see cref="SlaTrainer.MeasureSpeed"/>.</summary>
/// <param name="Reading">Time that reading and decoding the images took, with the network's making.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="Step">Time of a step.</param>
public sealed record TrainingSpeed(TimeSpan Reading, int StepsPerEpoch, int BatchSize, TimeSpan Step)
{
    /// <summary>Time of an epoch.</summary>
    public TimeSpan Epoch => StepsPerEpoch * Step;

    /// <summary>Labelled images trained on in a second, views not counted.</summary>
    public double ImagesPerSecond => BatchSize / Step.TotalSeconds;
}
