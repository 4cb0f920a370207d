using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// Embedded images, divided into training and validation images. The store has their order, such that each part is a few ranges of it and no part
/// is a copy.
/// </summary>
internal sealed class FrozenSplits : IDisposable
{
    private const int Folds = 3;

    /// <summary>The fold of each training image; 0 for all where there are validation rows.</summary>
    private readonly int[] _folds;
    private readonly int _forms;

    /// <summary>The images of each fold, form by form.</summary>
    private readonly ImageRange[] _blocks;

    /// <summary>The validation rows; null where folds are validated on.</summary>
    private readonly ImageRange? _validation;

    private FrozenSplits(EmbeddingStore store, int[] places, int[] folds, int forms, ImageRange[] blocks, ImageRange? validation, int images)
    {
        (Store, Places, _folds, _forms, _blocks, _validation) = (store, places, folds, forms, blocks, validation);
        var formsOfFolds = blocks.Select((_, fold) => FormsOf(fold, images)).ToArray();
        ImageRange[] first = [.. formsOfFolds.Select(ofForms => ofForms[0])];
        Untransformed = new EmbeddedImages(store, first);
        Training = new EmbeddedImages(store, Joined(formsOfFolds.SelectMany(ofForms => ofForms)));
        Splits = validation is { } rows
            ? [(Training, new EmbeddedImages(store, rows))]
            : [.. first.Select((range, fold) => (
                new EmbeddedImages(store, Joined(formsOfFolds.Where((_, other) => other != fold).SelectMany(ofForms => ofForms))), new EmbeddedImages(store, range)))];
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

        var blocks = new ImageRange[Folds];
        for (int fold = 0, start = 0; fold < Folds; start = blocks[fold++].End)
            blocks[fold] = new ImageRange(start, forms * folds.Count(number => number == fold));
        return new FrozenSplits(newStore([.. order.Select(number => labels[number % labels.Length])]), places, folds, forms, blocks, validation: null, labels.Length);
    }

    /// <summary>Makes one pair.</summary>
    /// <param name="training">The class of each training image.</param>
    /// <param name="forms">Number of forms of each training image.</param>
    /// <param name="validation">The class of each validation image.</param>
    /// <param name="newStore">Makes a store for images with labels.</param>
    public static FrozenSplits WithValidation(int[] training, int forms, int[] validation, Func<int[], EmbeddingStore> newStore)
    {
        int[] labels = [.. Enumerable.Repeat(training, forms).SelectMany(labels => labels), .. validation];
        var block = new ImageRange(0, forms * training.Length);
        return new FrozenSplits(
            newStore(labels), [.. Enumerable.Range(0, labels.Length)], new int[training.Length], forms, [block], new ImageRange(block.End, validation.Length), training.Length);
    }

    /// <summary>The same store with the first training images alone. The caller disposes this one.</summary>
    /// <param name="images">Number of images.</param>
    public FrozenSplits First(int images) => new(Store, Places, _folds, _forms, _blocks, _validation, images);

    public void Dispose() => Store.Dispose();

    /// <summary>The first images of a fold, a range for each form.</summary>
    private ImageRange[] FormsOf(int fold, int images)
    {
        int count = _folds.Take(images).Count(number => number == fold), all = _blocks[fold].Count / _forms;
        return [.. Enumerable.Range(0, _forms).Select(form => new ImageRange(_blocks[fold].Start + (form * all), count))];
    }

    /// <summary>Ranges, of which those that follow each other are one.</summary>
    private static ImageRange[] Joined(IEnumerable<ImageRange> ranges)
    {
        var joined = new List<ImageRange>();
        foreach (var range in ranges)
        {
            if (joined.Count > 0 && joined[^1].End == range.Start)
                joined[^1] = joined[^1] with { Count = joined[^1].Count + range.Count };
            else
                joined.Add(range);
        }

        return [.. joined];
    }
}
