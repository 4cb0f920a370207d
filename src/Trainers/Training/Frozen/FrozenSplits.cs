using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Divides embedded images into training and validation images.</summary>
internal static class FrozenSplits
{
    private const int Folds = 3;

    /// <summary>Makes three folds with the same share of each class. All forms of an image are in one fold.</summary>
    /// <param name="embedded">The images in their first form, then in the second, and so on.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="seed">The seed decides which image is in which fold.</param>
    public static IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> ByFolds(EmbeddedImages embedded, int images, int seed)
    {
        int[] folds = RowSplit.FoldNumbers(embedded.Labels[..images], Folds, seed);
        return [.. Enumerable.Range(0, Folds).Select(fold => (
            embedded.Select([.. Enumerable.Range(0, embedded.Count).Where(image => folds[image % images] != fold)]),
            embedded.Select([.. Enumerable.Range(0, images).Where(image => folds[image] == fold)])))];
    }
}
