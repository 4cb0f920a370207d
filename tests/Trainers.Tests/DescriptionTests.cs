using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What is saved of a model beside its weights. The file holds descriptions as version 0.1.0 first wrote them, by reflection.</summary>
public sealed class DescriptionTests
{
    private static readonly string[] Saved = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Vectors", "descriptions-0.1.0.jsonl"));

    public static TheoryData<int> Lines => [.. Enumerable.Range(0, Saved.Length)];

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_saved_description_is_read_and_written_as_it_was(int line)
    {
        var description = ModelDescription.FromJson(Saved[line]);
        Assert.Equal(Saved[line], description.ToJson());
    }

    [Fact]
    public void All_parts_are_read()
    {
        var description = ModelDescription.FromJson(Saved[0]);
        Assert.Equal(24, description.Transformations.Count);
        Assert.Equal([1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], description.Transformations[12].GetPermutation(new ImageShape(3, 2, 2)));
        Assert.Equal(10, Assert.IsType<Layer.Sequence>(Assert.IsType<CustomNetwork>(description.Architecture).Layers).Steps.Length);
        Assert.Equal(LossReduction.Sum, description.ObjectiveSettings.LossReduction);
        Assert.Equal(PixelNormalization.ImageNet, description.Normalization);
        Assert.Equal([0.5, null], description.History!.Epochs.Select(epoch => epoch.ValidationAccuracy));
    }

    [Theory]
    [MemberData(nameof(Lines))]
    public void The_signature_is_that_of_the_whole_description(int line)
    {
        var description = ModelDescription.FromJson(Saved[line]);
        var signature = ModelSignature.FromJson(Saved[line]);
        Assert.Equal(description.Features, signature.Features);
        Assert.Equal(description.Labels.Names, signature.ClassNames);
        Assert.Equal(description.ScoreColumn, signature.ScoreColumn);
        Assert.Equal(description.ViewScoresColumn, signature.ViewScoresColumn);
    }
}
