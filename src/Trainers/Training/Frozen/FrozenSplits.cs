using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Divides embedded images into those that heads are trained on and those that they are measured on.</summary>
internal static class FrozenSplits
{
    private const int Folds = 3;

    /// <summary>Three folds with the same share of each class, each of which is measured on once. All forms of an image are in one fold.</summary>
    /// <param name="embedded">The images: so many in their first form, then in the second, and so on.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="seed">Which images: a function of the seed.</param>
    public static IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> ByFolds(EmbeddedImages embedded, int images, int seed)
    {
        int[] folds = RowSplit.FoldNumbers(embedded.Labels[..images], Folds, seed);
        return [.. Enumerable.Range(0, Folds).Select(fold => (
            embedded.Select([.. Enumerable.Range(0, embedded.Count).Where(image => folds[image % images] != fold)]),
            embedded.Select([.. Enumerable.Range(0, images).Where(image => folds[image] == fold)])))];
    }
}
