namespace Microsoft.ML.Sla;

/// <summary>The progress of a training that computes the embeddings of a frozen backbone.</summary>
public sealed record EmbeddingProgress
{
    /// <summary>Number of views that are done. Those of an earlier run count.</summary>
    public required long Views { get; init; }

    /// <summary>Number of views.</summary>
    public required long Total { get; init; }

    /// <summary>Views that this run computes in a second.</summary>
    public required double ViewsPerSecond { get; init; }

    /// <summary>Estimated time for the remaining views.</summary>
    public required TimeSpan Remaining { get; init; }
}
