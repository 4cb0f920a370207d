namespace Microsoft.ML.Sla;

/// <summary>What an <see cref="SlaExperiment"/> found. Dispose it, or its model, when the model is no longer used.</summary>
/// <param name="Model">The best model, which scores as the metric says.</param>
/// <param name="Best">
/// The trial of the model. Where its last training had all rows, the trial's last interval is older than the model: it was measured before the validation
/// rows were learned. A single trial has no interval then.
/// </param>
/// <param name="Trials">All trials, in the order in which they began.</param>
/// <param name="Options">The options of the best trial, to train with again.</param>
/// <param name="IsComplete">Whether the search is complete; false where it was cancelled.</param>
/// <param name="Elapsed">The time that the search took, with that before it was resumed.</param>
public sealed record SlaExperimentResult(
    SlaTransformer Model, SlaTrial Best, IReadOnlyList<SlaTrial> Trials, SlaTrainer.Options Options, bool IsComplete, TimeSpan Elapsed) : IDisposable
{
    /// <summary>Disposes the model.</summary>
    public void Dispose() => Model.Dispose();
}
