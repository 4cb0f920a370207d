namespace Microsoft.ML.Sla;

/// <summary>The result of an <see cref="SlaExperiment"/>. Dispose it, or its model, when the model is no longer used.</summary>
/// <param name="Model">The best model. It has the inference that <see cref="SlaExperiment.SetMetric"/> sets.</param>
/// <param name="Best">
/// The trial of the model. If its last training used all rows, the trial's last interval is older than the model: it was measured before the network
/// trained on the validation rows. A single trial has no interval in this case.
/// </param>
/// <param name="Trials">All trials, in the order in which they began.</param>
/// <param name="Options">The options of the best trial, to train with again.</param>
/// <param name="IsComplete">Whether the search is complete; false if it was cancelled.</param>
/// <param name="Elapsed">The time that the search took, including the time before it was resumed.</param>
public sealed record SlaExperimentResult(
    SlaTransformer Model, SlaTrial Best, IReadOnlyList<SlaTrial> Trials, SlaTrainer.Options Options, bool IsComplete, TimeSpan Elapsed) : IDisposable
{
    /// <summary>Disposes the model.</summary>
    public void Dispose() => Model.Dispose();
}
