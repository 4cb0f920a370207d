using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class AugmentationNameTests
{
    [Fact]
    public void Names_give_augmentations_in_their_order() =>
        Assert.Equal(["RandomCrop(4)", "HorizontalFlip(0.5)"], ImageAugmentation.Parse("crop, Flip").Select(augmentation => $"{augmentation}"));

    [Fact]
    public void Every_name_gives_an_augmentation_of_its_own()
    {
        var all = ImageAugmentation.Parse(string.Join(',', ImageAugmentation.Names));
        Assert.Equal(ImageAugmentation.Names.Count, all.DistinctBy(augmentation => augmentation.GetType()).Count());
    }

    [Fact]
    public void None_gives_no_augmentation() => Assert.Empty(ImageAugmentation.Parse("none"));

    [Fact]
    public void An_unknown_name_is_refused_with_the_names_there_are()
    {
        var exception = Assert.Throws<FormatException>(() => ImageAugmentation.Parse("crop,blur"));
        Assert.Contains("'blur'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("cutmix", exception.Message, StringComparison.Ordinal);
    }
}
