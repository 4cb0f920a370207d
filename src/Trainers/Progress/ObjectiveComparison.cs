namespace Microsoft.ML.Sla;

/// <summary>What a training with <see cref="SlaTrainer.Options.CompareObjectives"/> found.</summary>
/// <param name="Images">Number of training images that the objectives were compared on, over folds.</param>
/// <param name="Objectives">The objectives.</param>
/// <param name="Chosen">
/// The one that is trained: that with the fewest views among those whose log-loss is within one standard error of the lowest.
/// </param>
public sealed record ObjectiveComparison(int Images, IReadOnlyList<ComparedObjective> Objectives, ComparedObjective Chosen);

/// <summary>An objective with its views, and what it scored.</summary>
/// <param name="Objective">The name of the objective, such as <c>Sla</c>.</param>
/// <param name="Transformations">The views.</param>
/// <param name="Inference">How the images were scored, such as <c>Aggregated</c>.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
/// <param name="Accuracy">Share of the images whose class was predicted, 0 to 1.</param>
public sealed record ComparedObjective(string Objective, TransformationSet Transformations, string Inference, double LogLoss, double Accuracy)
{
    /// <summary>The objective in a few words: <c>Sla (rotation, Aggregated)</c>.</summary>
    public override string ToString() => $"{Objective} ({Transformations.Name}, {Inference})";
}
