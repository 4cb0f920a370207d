using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Means and deviations of pixels.</summary>
public sealed class PixelNormalizationTests
{
    [Theory]
    [InlineData(new[] { 0.5f, 0.5f }, new[] { 0.5f, 0.5f }, "not 2 and 2")]
    [InlineData(new[] { 0.5f }, new[] { 0.5f, 0.5f, 0.5f }, "not 1 and 3")]
    [InlineData(new[] { 0.5f }, new[] { 0f }, "the deviations (0) above 0")]
    [InlineData(new[] { float.NaN }, new[] { 0.5f }, "The means (NaN) must be numbers")]
    public void What_cannot_be_is_refused_with_its_values(float[] mean, float[] deviation, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new PixelNormalization(mean, deviation)).Message, StringComparison.Ordinal);

    [Fact]
    public void Equal_values_are_equal()
    {
        var same = new PixelNormalization([0.5f], [0.5f]);
        Assert.Equal(PixelNormalization.MinusOneToOne, same);
        Assert.Equal(PixelNormalization.MinusOneToOne.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(PixelNormalization.MinusOneToOne, new PixelNormalization([0.5f], [0.25f]));
        Assert.NotEqual(PixelNormalization.MinusOneToOne, PixelNormalization.ImageNet);
    }
}
