using Microsoft.ML.Sla.Networks;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The mean image of a network at the sizes of images.</summary>
public sealed class MeanImageTests
{
    [Fact]
    public void At_its_own_size_it_is_itself()
    {
        float[] values = [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60];
        Assert.Equal(values, new MeanImage(values, channels: 2, height: 2, width: 3).At(2, 3));
    }

    [Fact]
    public void At_twice_the_size_pixels_between_two_are_mixed_by_distance()
    {
        float[] resized = new MeanImage([0, 4], channels: 1, height: 1, width: 2).At(1, 4);
        Assert.Equal([0f, 1f, 3f, 4f], resized);
        Assert.Equal([0f, 1f, 3f, 4f], new MeanImage([0, 4], channels: 1, height: 2, width: 1).At(4, 1));
    }

    [Fact]
    public void At_half_the_size_a_pixel_is_the_mean_of_the_four_in_its_place()
    {
        float[] values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        float[] twice = [.. values, .. values.Select(value => -value)];
        float[] resized = new MeanImage(twice, channels: 2, height: 4, width: 4).At(2, 2);
        Assert.Equal([2.5f, 4.5f, 10.5f, 12.5f, -2.5f, -4.5f, -10.5f, -12.5f], resized);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(50, 20)]
    public void A_mean_image_of_one_colour_is_that_colour_at_any_size(int height, int width)
    {
        float[] resized = new MeanImage([.. Enumerable.Repeat(3f, 25), .. Enumerable.Repeat(7f, 25)], channels: 2, height: 5, width: 5).At(height, width);
        Assert.Equal(2 * height * width, resized.Length);
        Assert.All(resized[..(height * width)], value => Assert.Equal(3, value, 1e-6f));
        Assert.All(resized[(height * width)..], value => Assert.Equal(7, value, 1e-6f));
    }
}
