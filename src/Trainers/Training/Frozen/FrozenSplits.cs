using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// Embedded images, divided into training and validation images. The store has their order, such that each part is one or two ranges of it and
/// no part is a copy.
/// </summary>
internal sealed class FrozenSplits : IDisposable
{
    private const int Folds = 3;

    private FrozenSplits(EmbeddingStore store, int[] places, ImageRange[] untransformed, ImageRange training, IEnumerable<(ImageRange[] Training, ImageRange Validation)> splits)
    {
        (Store, Places) = (store, places);
        Untransformed = new EmbeddedImages(store, untransformed);
        Training = new EmbeddedImages(store, training);
        Splits = [.. splits.Select(split => (new EmbeddedImages(store, split.Training), new EmbeddedImages(store, split.Validation)))];
    }

    public EmbeddingStore Store { get; }

    /// <summary>The place in the store of the training images in their first form, then in the second, and so on, and then of validation rows.</summary>
    public int[] Places { get; }

    /// <summary>The training images of the result, in all forms.</summary>
    public EmbeddedImages Training { get; }

    /// <summary>The same in the first form alone.</summary>
    public EmbeddedImages Untransformed { get; }

    /// <summary>The training and validation images that choose the penalty: one pair, or one for each fold.</summary>
    public IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> Splits { get; }

    /// <summary>Makes three folds with the same share of each class. All forms of an image are in one fold.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <param name="forms">Number of forms of each image.</param>
    /// <param name="seed">The seed decides which image is in which fold.</param>
    /// <param name="newStore">Makes a store for images with labels.</param>
    public static FrozenSplits ByFolds(int[] labels, int forms, int seed, Func<int[], EmbeddingStore> newStore)
    {
        int[] folds = RowSplit.FoldNumbers(labels, Folds, seed);
        int[] order = [.. Enumerable.Range(0, forms * labels.Length).OrderBy(number => folds[number % labels.Length])];
        int[] places = new int[order.Length];
        for (int place = 0; place < order.Length; place++)
            places[order[place]] = place;

        var all = new ImageRange(0, order.Length);
        var first = new List<ImageRange>();
        var splits = new List<(ImageRange[], ImageRange)>();
        for (int fold = 0, start = 0; fold < Folds; fold++)
        {
            int images = folds.Count(number => number == fold), end = start + (forms * images);
            first.Add(new ImageRange(start, images));
            splits.Add(([new ImageRange(0, start), new ImageRange(end, all.End - end)], new ImageRange(start, images)));
            start = end;
        }

        return new FrozenSplits(newStore([.. order.Select(number => labels[number % labels.Length])]), places, [.. first], all, splits);
    }

    /// <summary>Makes one pair.</summary>
    /// <param name="training">The class of each training image.</param>
    /// <param name="forms">Number of forms of each training image.</param>
    /// <param name="validation">The class of each validation image.</param>
    /// <param name="newStore">Makes a store for images with labels.</param>
    public static FrozenSplits WithValidation(int[] training, int forms, int[] validation, Func<int[], EmbeddingStore> newStore)
    {
        int[] labels = [.. Enumerable.Repeat(training, forms).SelectMany(labels => labels), .. validation];
        var trained = new ImageRange(0, forms * training.Length);
        return new FrozenSplits(
            newStore(labels),
            [.. Enumerable.Range(0, labels.Length)],
            [new ImageRange(0, training.Length)],
            trained,
            [([trained], new ImageRange(trained.End, validation.Length))]);
    }

    public void Dispose() => Store.Dispose();
}
