namespace Microsoft.ML.Sla.Search;

/// <summary>The settings that the caller of an <see cref="SlaExperiment"/> made.</summary>
internal sealed record SearchRequest
{
    /// <summary>The training rows; null before they are set.</summary>
    public IDataView? Train { get; init; }

    /// <summary>Separate rows to compare trials on; null if they are a part of <see cref="Train"/>.</summary>
    public IDataView? Validation { get; init; }

    /// <summary>Share of <see cref="Train"/> to compare trials on; null with separate rows or folds.</summary>
    public float? ValidationFraction { get; init; }

    /// <summary>Whether the winner never trains on the rows that trials are compared on.</summary>
    public bool HoldOut { get; init; }

    /// <summary>Number of trainings in a trial.</summary>
    public int Folds { get; init; } = 1;

    /// <summary>Time of the search; null for no limit.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>The most trials; null for no limit.</summary>
    public int? MaxTrials { get; init; }

    public SearchMetric Metric { get; init; } = SearchMetric.MicroAccuracy;

    /// <summary>How trials and the model score; null for the inference of the options, or else the one that each objective recommends.</summary>
    public SlaInference? Inference { get; init; }

    /// <summary>The longest time that a prediction may take; null for no limit.</summary>
    public TimeSpan? LatencyCeiling { get; init; }

    public SlaSearchSpace Space { get; init; } = new();

    public ISlaExperimentMonitor Monitor { get; init; } = new NoMonitor();

    /// <summary>Checks that the request is complete and does not contradict the trainer's options.</summary>
    /// <exception cref="InvalidOperationException">There are no rows, there is no limit, or request and options name different inferences.</exception>
    public void Check(SlaTrainer.Options trainer)
    {
        if (Train is null)
            throw new InvalidOperationException("The experiment has no rows: call SetDataset.");
        if (Time is null && MaxTrials is null)
            throw new InvalidOperationException("The experiment has no limit: call SetTrainingTimeInSeconds, SetMaxModelToExplore, or both.");
        if (Inference is { } inference && trainer.Inference is { } given && inference != given)
            throw new InvalidOperationException($"SetMetric asks for the inference {inference}, and the trainer's options ask for {given}. Leave one of them out.");
    }

    private sealed class NoMonitor : ISlaExperimentMonitor;
}
