namespace Microsoft.ML.Sla;

/// <summary>How many views of images have gone through a frozen backbone.</summary>
/// <param name="Views">Views done, those that an earlier run had computed included.</param>
/// <param name="Total">Number of views.</param>
/// <param name="ViewsPerSecond">Views computed in a second.</param>
/// <param name="Remaining">Time that the others take at this speed.</param>
public sealed record EmbeddingProgress(long Views, long Total, double ViewsPerSecond, TimeSpan Remaining);
