using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which images of a store a split takes.</summary>
public sealed class FrozenSplitsTests
{
    private const int Images = 20;

    private static readonly int[] Labels = [.. Enumerable.Range(0, Images).Select(image => image % 3)];

    public FrozenSplitsTests() => TorchLibrary.EnsureLoaded();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Each_image_is_validated_once_and_never_trained_on_in_any_form(int forms)
    {
        using var splits = Filled(FrozenSplits.ByFolds(Labels, forms, seed: 1, NewStore), Labels, forms);
        Assert.Equal(forms * Images, splits.Training.Count);
        Assert.Equal(Enumerable.Range(0, Images), Numbers(splits.Untransformed).Order());
        Assert.Equal(Enumerable.Range(0, Images), splits.Splits.SelectMany(split => Numbers(split.Validation)).Order());
        foreach (var (training, validation) in splits.Splits)
        {
            Assert.Equal(forms * (Images - validation.Count), training.Count);
            Assert.Empty(Numbers(training).Select(number => number % Images).Intersect(Numbers(validation)));
        }
    }

    [Fact]
    public void Validation_rows_come_after_all_forms_of_training_images()
    {
        int[] validation = [2, 0, 1];
        using var splits = Filled(FrozenSplits.WithValidation(Labels, forms: 2, validation, NewStore), [.. Labels, .. Labels, .. validation], forms: 1);
        Assert.Equal(Enumerable.Range(0, 2 * Images), Numbers(splits.Training));
        Assert.Equal(Enumerable.Range(0, Images), Numbers(splits.Untransformed));
        var (training, validated) = Assert.Single(splits.Splits);
        Assert.Equal(Numbers(splits.Training), Numbers(training));
        Assert.Equal(Enumerable.Range(2 * Images, 3), Numbers(validated));
        Assert.Equal(validation, validated.Labels);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_first_images_are_split_as_all_of_them_are(int forms)
    {
        const int First = 11;
        using var all = Filled(FrozenSplits.ByFolds(Labels, forms, seed: 1, NewStore), Labels, forms);
        var some = all.First(First);
        Assert.Equal(Enumerable.Range(0, First), Numbers(some.Untransformed).Order());
        Assert.Equal(Numbers(all.Training).Where(IsFirst), Numbers(some.Training));
        foreach (var (whole, part) in all.Splits.Zip(some.Splits))
        {
            Assert.Equal(Numbers(whole.Training).Where(IsFirst), Numbers(part.Training));
            Assert.Equal(Numbers(whole.Validation).Where(IsFirst), Numbers(part.Validation));
        }

        static bool IsFirst(int number) => number % Images < First;
    }

    [Fact]
    public void Validation_rows_stay_with_the_first_training_images()
    {
        int[] validation = [2, 0, 1];
        using var all = Filled(FrozenSplits.WithValidation(Labels, forms: 2, validation, NewStore), [.. Labels, .. Labels, .. validation], forms: 1);
        var some = all.First(7);
        Assert.Equal([.. Enumerable.Range(0, 7), .. Enumerable.Range(Images, 7)], Numbers(some.Training));
        Assert.Equal(Enumerable.Range(2 * Images, 3), Numbers(Assert.Single(some.Splits).Validation));
    }

    private static EmbeddingStore NewStore(int[] labels) => new(labels, views: 1, size: 1, long.MaxValue, "");

    /// <summary>Writes the number of each image to its place, and compares the labels there.</summary>
    private static FrozenSplits Filled(FrozenSplits splits, int[] labels, int forms)
    {
        for (int number = 0; number < forms * labels.Length; number++)
        {
            splits.Store.Write(splits.Places[number], 0, [number]);
            Assert.Equal(labels[number % labels.Length], splits.Store.Labels[splits.Places[number]]);
        }

        return splits;
    }

    private static IEnumerable<int> Numbers(EmbeddedImages images) => Embeddings.Values(images).Select(values => (int)values[0]);
}
