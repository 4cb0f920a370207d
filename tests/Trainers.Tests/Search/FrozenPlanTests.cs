using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>For which trials with a frozen backbone there is time, from given measurements.</summary>
public sealed class FrozenPlanTests
{
    private const int Images = 100;

    /// <summary>Seconds of the heads of any trial here: a few thousandths more than two.</summary>
    private const double Heads = 2;

    private static readonly ConfigurationSpace Space = new(
        [.. new SlaSearchSpace().AddBackbone("tiny", Architecture.FromOnnx(BackboneFile.PathOf("resnet")), side: 32).Fix("Backbone", "tiny").Dimensions],
        new SlaTrainer.Options { Augmentations = [] },
        new ImageShape(3, 64, 64),
        _ => null);

    private static readonly Configuration Rotation = Space.Default;
    private static readonly Configuration Baseline = Space.ByObjective(Rotation).Single(configuration => configuration.Values["Objective"] == "Baseline");
    private static readonly Configuration Mirrors = Space.ByTransformations(Rotation).Single(configuration => configuration.Values["Transformations"] == "hflip");

    [Fact]
    public void A_view_takes_time_once()
    {
        var cost = Cost(secondsPerView: 0.1);
        Assert.Equal((4 * 10) + Heads, cost.Of(Rotation, []), 0.1);
        Assert.Equal(Heads, cost.Of(Baseline, cost.Views(Rotation)), 0.1);
        Assert.Equal(10 + Heads, cost.Of(Mirrors, cost.Views(Rotation)), 0.1);
        Assert.Equal(4 * Heads, cost.OfLast(Rotation), 0.1);
    }

    [Fact]
    public void Folds_train_heads_more_than_once_and_embed_once() =>
        Assert.Equal((4 * 10) + (3 * Heads), new FrozenCost(Space, _ => (Images, Images, Images), _ => 1, _ => 0.1, folds: 3).Of(Rotation, []), 0.1);

    [Theory]
    [InlineData(60, "rotation, none, hflip")]
    [InlineData(50, "rotation, none")]
    [InlineData(30, "none, hflip")]
    [InlineData(15, "none")]
    public void What_is_too_long_is_left_out_for_what_is_not(double seconds, string views)
    {
        var plan = FrozenPlan.InTime([Rotation, Baseline, Mirrors], Cost(secondsPerView: 0.1), (_, _) => seconds, most: 10, areAlone: false);
        Assert.Equal(views, string.Join(", ", plan.Trials.Select(Space.Views)));
        Assert.False(plan.AreAlone);
        Assert.InRange(plan.Seconds, 0, seconds);
    }

    [Fact]
    public void There_are_no_more_trials_than_asked_for() =>
        Assert.Equal([Rotation, Baseline], FrozenPlan.InTime([Rotation, Baseline, Mirrors], Cost(secondsPerView: 0.1), (_, _) => 1000, most: 2, areAlone: true).Trials);

    [Fact]
    public void Where_the_time_suffices_for_one_training_only_the_cheapest_one_has_all_of_it()
    {
        var plan = FrozenPlan.InTime([Rotation, Baseline], Cost(secondsPerView: 0.1), (_, areAlone) => areAlone ? 15 : 10, most: 10, areAlone: false);
        Assert.Equal([Baseline], plan.Trials);
        Assert.True(plan.AreAlone);
    }

    [Fact]
    public void A_backbone_that_takes_longer_than_the_time_leaves_it_to_others_if_there_are_some()
    {
        Assert.Empty(FrozenPlan.InTime([Rotation, Baseline], Cost(secondsPerView: 10), (_, _) => 15, most: 10, areAlone: false).Trials);
        Assert.Equal([Baseline], FrozenPlan.InTime([Rotation, Baseline], Cost(secondsPerView: 10), (_, _) => 15, most: 10, areAlone: true).Trials);
    }

    private static FrozenCost Cost(double secondsPerView) => new(Space, _ => (Images, Images, Images), _ => 1, _ => secondsPerView, folds: 1);
}
