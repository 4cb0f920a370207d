using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>How many trials there are, and where they are compared.</summary>
public sealed class LadderTests
{
    [Theory]
    [InlineData(1, new int[0])]
    [InlineData(2, new[] { 2 })]
    [InlineData(6, new[] { 6, 3 })]
    [InlineData(14, new[] { 14, 5, 3 })]
    [InlineData(27, new[] { 27, 9, 3, 3 })]
    public void A_ladder_promotes_a_third_and_three_to_the_last_rung(int trials, int[] expected)
    {
        var ladder = Ladder.ForTrials(trials, folds: 1);
        Assert.Equal(expected, ladder.Fractions.Select((_, rung) => ladder.TrialsAt(rung)));
        Assert.Equal(Enumerable.Range(0, expected.Length).Select(rung => Math.Pow(3, rung - expected.Length)), ladder.Fractions, (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void A_ladder_in_a_time_takes_seven_thirds_of_the_winner_s_training_at_most()
    {
        var ladder = Ladder.ForTime(ladder => ladder.Fractions.Count <= 3, int.MaxValue, folds: 1);
        Assert.Equal(15, ladder.Trials);

        // 15 / 27 + 5 * 2 / 27 + 3 * 2 / 9 + 2 / 3
        Assert.Equal(61.0 / 27, ladder.Cost, 12);
        Assert.Equal(24, ladder.Intervals);
        Assert.Equal(1, Ladder.ForTime(_ => false, int.MaxValue, folds: 1).Trials);
    }
}
