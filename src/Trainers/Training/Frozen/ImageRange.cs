namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Consecutive images of an <see cref="EmbeddingStore"/>.</summary>
/// <param name="Start">Number of the first image.</param>
/// <param name="Count">Number of images.</param>
internal readonly record struct ImageRange(int Start, int Count)
{
    public int End => Start + Count;
}
