namespace Microsoft.ML.Sla;

/// <summary>How fast a machine trains. See <see cref="SlaTrainer.MeasureSpeed"/>.</summary>
/// <param name="Reading">Time to read and decode the images and to make the network.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="Step">Time of a step.</param>
public sealed record TrainingSpeed(TimeSpan Reading, int StepsPerEpoch, int BatchSize, TimeSpan Step)
{
    /// <summary>Time of an epoch.</summary>
    public TimeSpan Epoch => StepsPerEpoch * Step;

    /// <summary>Labelled images per second; views do not count.</summary>
    public double ImagesPerSecond => BatchSize / Step.TotalSeconds;
}
