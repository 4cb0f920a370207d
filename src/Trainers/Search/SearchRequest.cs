namespace Microsoft.ML.Sla.Search;

/// <summary>What the caller of an <see cref="SlaExperiment"/> set.</summary>
internal sealed record SearchRequest
{
    /// <summary>The rows; null before they are set.</summary>
    public IDataView? Train { get; init; }

    /// <summary>Other rows that trials are compared on; null where they are a part of the rows.</summary>
    public IDataView? Validation { get; init; }

    /// <summary>Share of the rows that trials are compared on; null for other rows, or folds.</summary>
    public float? ValidationFraction { get; init; }

    /// <summary>Whether the winner does not learn the rows that trials are compared on.</summary>
    public bool HoldOut { get; init; }

    /// <summary>Number of trainings in a trial.</summary>
    public int Folds { get; init; } = 1;

    /// <summary>Time of the search; null for any.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Number of trials at most; null for any.</summary>
    public int? MaxTrials { get; init; }

    public SearchMetric Metric { get; init; } = SearchMetric.MicroAccuracy;

    /// <summary>How trials and the model score; null for what the options or each objective say.</summary>
    public SlaInference? Inference { get; init; }

    /// <summary>Time that a prediction may take; null for any.</summary>
    public TimeSpan? LatencyCeiling { get; init; }

    public SlaSearchSpace Space { get; init; } = new();

    public ISlaExperimentMonitor Monitor { get; init; } = new NoMonitor();

    /// <summary>Refuses what is incomplete or contradicts the trainer's options.</summary>
    /// <exception cref="InvalidOperationException">There are no rows or no limit, or two inferences.</exception>
    public void Check(SlaTrainer.Options trainer)
    {
        if (Train is null)
            throw new InvalidOperationException("The experiment has no rows: call SetDataset.");
        if (Time is null && MaxTrials is null)
            throw new InvalidOperationException("The experiment has no limit: call SetTrainingTimeInSeconds, SetMaxModelToExplore, or both.");
        if (Inference is { } inference && trainer.Inference is { } given && inference != given)
            throw new InvalidOperationException($"SetMetric asks for the inference {inference}, and the trainer's options for {given}. Leave one of them out.");
    }

    private sealed class NoMonitor : ISlaExperimentMonitor;
}
