namespace Microsoft.ML.Sla;

/// <summary>What a training with <see cref="SlaTrainer.Options.CompareObjectives"/> found.</summary>
public sealed record ObjectiveComparison
{
    /// <summary>Number of training images that the objectives were compared on, over folds.</summary>
    public required int Images { get; init; }

    /// <summary>The objectives.</summary>
    public required IReadOnlyList<ComparedObjective> Objectives { get; init; }

    /// <summary>The one that is trained: that with the fewest views among those whose log-loss is within one standard error of the lowest.</summary>
    public required ComparedObjective Chosen { get; init; }
}

/// <summary>An objective with its views, and what it scored.</summary>
public sealed record ComparedObjective
{
    /// <summary>The name of the objective, such as <c>Sla</c>.</summary>
    public required string Objective { get; init; }

    /// <summary>The views.</summary>
    public required TransformationSet Transformations { get; init; }

    /// <summary>How the images were scored, such as <c>Aggregated</c>.</summary>
    public required string Inference { get; init; }

    /// <summary>Mean cross-entropy in nats.</summary>
    public required double LogLoss { get; init; }

    /// <summary>Share of the images whose class was predicted, 0 to 1.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The objective in a few words: <c>Sla (rotation, Aggregated)</c>.</summary>
    public override string ToString() => $"{Objective} ({Transformations.Name}, {Inference})";
}
