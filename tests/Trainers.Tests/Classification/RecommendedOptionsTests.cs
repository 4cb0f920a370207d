using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class RecommendedOptionsTests
{
    [Theory]
    [InlineData("none", 1)]
    [InlineData("rotation2", 2)]
    [InlineData("rotation+color3", 2)]
    public void A_step_shows_two_views_of_an_image_or_all_of_fewer(string transformations, int views) =>
        Assert.Equal(views, RecommendedOptions.ViewsPerStep(TransformationSet.Parse(transformations)));
}
