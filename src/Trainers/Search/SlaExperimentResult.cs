namespace Microsoft.ML.Sla;

/// <summary>The result of an <see cref="SlaExperiment"/>. Dispose it, or its model, when the model is no longer used.</summary>
public sealed record SlaExperimentResult : IDisposable
{
    /// <summary>The best model. It has the inference that <see cref="SlaExperiment.SetMetric"/> sets.</summary>
    public required SlaTransformer Model { get; init; }

    /// <summary>
    /// The trial of the model. If its last training used all rows, the trial's last interval is older than the model: it was measured before the network
    /// trained on the validation rows. A single trial has no interval in this case.
    /// </summary>
    public required SlaTrial Best { get; init; }

    /// <summary>All trials, in the order in which they began.</summary>
    public required IReadOnlyList<SlaTrial> Trials { get; init; }

    /// <summary>The options of the best trial, to train with again.</summary>
    public required SlaTrainer.Options Options { get; init; }

    /// <summary>Whether the search is complete; false if it was cancelled.</summary>
    public bool IsComplete { get; init; }

    /// <summary>The time that the search took, including the time before it was resumed.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Disposes the model.</summary>
    public void Dispose() => Model.Dispose();
}
