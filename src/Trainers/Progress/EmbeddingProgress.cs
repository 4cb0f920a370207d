namespace Microsoft.ML.Sla;

/// <summary>The progress of a training that computes the embeddings of a frozen backbone.</summary>
/// <param name="Views">Number of views that are done. Those of an earlier run count.</param>
/// <param name="Total">Number of views.</param>
/// <param name="ViewsPerSecond">Views that this run computes in a second.</param>
/// <param name="Remaining">Estimated time for the remaining views.</param>
public sealed record EmbeddingProgress(long Views, long Total, double ViewsPerSecond, TimeSpan Remaining);
