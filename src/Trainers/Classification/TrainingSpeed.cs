namespace Microsoft.ML.Sla;

/// <summary>How fast a machine trains. See <see cref="SlaTrainer.MeasureSpeed"/>.</summary>
public sealed record TrainingSpeed
{
    /// <summary>Time to read and decode the images and to make the network.</summary>
    public required TimeSpan Reading { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Images in a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Time of a step.</summary>
    public required TimeSpan Step { get; init; }

    /// <summary>Time of an epoch.</summary>
    public TimeSpan Epoch => StepsPerEpoch * Step;

    /// <summary>Labelled images per second; views do not count.</summary>
    public double ImagesPerSecond => BatchSize / Step.TotalSeconds;
}
