using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class TransformationSetNameTests
{
    [Fact]
    public void Every_named_set_is_found_by_its_name() =>
        Assert.All(TransformationSet.Named, set => Assert.Same(set, TransformationSet.Parse(set.Name.ToUpperInvariant())));

    [Fact]
    public void Names_joined_by_plus_give_the_composition()
    {
        var expected = TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation3);
        var set = TransformationSet.Parse("rotation + color3");
        Assert.Equal(expected.ToString(), set.ToString());
        Assert.Equal(set.ToString(), TransformationSet.Parse(set.Name).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("rotation+")]
    [InlineData("rotation90")]
    public void An_unknown_name_is_refused_with_the_names_there_are(string text)
    {
        var exception = Assert.Throws<FormatException>(() => TransformationSet.Parse(text));
        Assert.All(TransformationSet.Named, set => Assert.Contains(set.Name, exception.Message, StringComparison.Ordinal));
    }
}
