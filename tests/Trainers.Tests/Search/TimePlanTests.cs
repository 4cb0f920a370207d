using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>How the time of a search is divided, from given measurements.</summary>
public sealed class TimePlanTests
{
    private readonly TimePlan _plan = new(TimeSpan.FromSeconds(1000));

    [Fact]
    public void A_fiftieth_of_the_time_is_left_unplanned()
    {
        // One training: 980 seconds less those that are over and an overhead of 20.
        var (ladder, seconds) = _plan.LongestLadder(new StepCost(1, 10), overheadSeconds: 20, elapsed: 60, maxTrials: 1, folds: 1);
        Assert.Equal((1, 0), (ladder.Trials, ladder.Fractions.Count));
        Assert.Equal(980 - 60 - 20, seconds, 9);
        Assert.Equal(1000, _plan.End);
    }

    [Theory]
    [InlineData(0.001, 5)]
    [InlineData(0.08, 4)]
    [InlineData(0.25, 3)]
    [InlineData(0.7, 2)]
    [InlineData(2.5, 1)]
    [InlineData(20, 0)]
    public void A_slower_step_makes_a_shorter_ladder_whose_first_rung_has_fifty_steps(double stepSeconds, int rungs)
    {
        var (ladder, seconds) = _plan.LongestLadder(new StepCost(stepSeconds, 10), overheadSeconds: 0, elapsed: 0, int.MaxValue, folds: 1);
        Assert.Equal(rungs, ladder.Fractions.Count);
        Assert.Equal(980, seconds * ladder.Cost, 9);
        Assert.True(rungs == 0 || seconds * ladder.Fractions[0] / stepSeconds >= 50);
    }

    [Fact]
    public void The_first_rung_has_an_epoch_where_that_is_more_than_fifty_steps()
    {
        var (few, _) = _plan.LongestLadder(new StepCost(0.08, 50), overheadSeconds: 0, elapsed: 0, int.MaxValue, folds: 1);
        var (many, seconds) = _plan.LongestLadder(new StepCost(0.08, 1000), overheadSeconds: 0, elapsed: 0, int.MaxValue, folds: 1);
        Assert.Equal((4, 1), (few.Fractions.Count, many.Fractions.Count));
        Assert.True(seconds * many.Fractions[0] / 0.08 >= 1000);
    }

    [Fact]
    public void The_overhead_of_every_interval_is_taken_off()
    {
        var (ladder, seconds) = _plan.LongestLadder(new StepCost(0.1, 10), overheadSeconds: 5, elapsed: 10, maxTrials: 6, folds: 1);
        Assert.Equal(970, (seconds * ladder.Cost) + (5 * ladder.Intervals), 9);
    }

    [Fact]
    public void Without_time_for_a_training_there_is_one_step()
    {
        var (ladder, seconds) = _plan.LongestLadder(new StepCost(3, 10), overheadSeconds: 0, elapsed: 2000, int.MaxValue, folds: 1);
        Assert.Equal((1, 3.0), (ladder.Trials, seconds));
    }

    [Fact]
    public void A_trial_has_as_many_whole_epochs_as_fit_in_the_winner_s_time()
    {
        Assert.Equal(25, TimePlan.TrialEpochs(500, new StepCost(2, 10)));
        Assert.Equal(24, TimePlan.TrialEpochs(499, new StepCost(2, 10)));
        Assert.Equal(1, TimePlan.TrialEpochs(5, new StepCost(2, 10)));
    }

    [Fact]
    public void Trials_leave_the_winner_two_fifths_of_its_training() => Assert.Equal(980 - 200, _plan.TrialsEnd(500), 9);

    [Fact]
    public void The_winner_s_training_fills_the_time_that_is_left()
    {
        // 980 - 500 seconds less two overheads of 15 are 225 steps of 2 seconds, after 100 that are done.
        Assert.Equal(32, _plan.LastEpochs(stepsDone: 100, new StepCost(2, 10), overheadSeconds: 15, elapsed: 500));
        Assert.Equal(22, _plan.LastEpochs(stepsDone: 0, new StepCost(2, 10), overheadSeconds: 15, elapsed: 500));

        // It is never shorter than what is done and an epoch.
        Assert.Equal(11, _plan.LastEpochs(stepsDone: 100, new StepCost(2, 10), overheadSeconds: 15, elapsed: 990));
    }

    [Fact]
    public void Measurements_take_a_small_share_of_the_time()
    {
        Assert.Equal(TimeSpan.FromSeconds(5), _plan.LadderMeasurement);
        Assert.Equal(TimeSpan.FromSeconds(2.5), TimePlan.TrialMeasurement(500));
        Assert.Equal(TimeSpan.FromSeconds(2), _plan.LastMeasurement);
        Assert.Equal(TimeSpan.FromSeconds(0.2), new TimePlan(TimeSpan.FromSeconds(10)).LastMeasurement);
    }
}
