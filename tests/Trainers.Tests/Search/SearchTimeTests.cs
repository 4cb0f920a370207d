using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Experiments in a time.</summary>
public sealed class SearchTimeTests : SearchTest
{
    [Fact]
    public void A_time_is_kept_to_within_a_tenth_and_used()
    {
        // Other programs may be busy just while the search measures its speed, and then it plans too little.
        const int Attempts = 3;
        var elapsed = TimeSpan.Zero;
        int trials = 0;
        for (int attempt = 0; attempt < Attempts && elapsed < TimeSpan.FromSeconds(6); attempt++)
        {
            using var result = InTime(seconds: 12).Run();
            (elapsed, trials) = (result.Elapsed, result.Trials.Count);
            Assert.True(result.IsComplete);
        }

        Assert.InRange(elapsed.TotalSeconds, 6, 13.2);
        Assert.True(trials > 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_in_a_time_that_is_complete_is_read_from_its_folder(bool holdOut)
    {
        using var first = Experiment(Folder, trials: null, holdOut: holdOut).SetTrainingTimeInSeconds(4).Run();
        using var again = Experiment(Folder, trials: null, holdOut: holdOut).SetTrainingTimeInSeconds(4).Run();
        Assert.Equal(first.Trials.Select(Summary), again.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(again));
        Assert.InRange(again.Elapsed, first.Elapsed * 0.9, TimeSpan.MaxValue);
    }

    [Fact]
    public void In_a_time_that_is_over_when_the_images_are_read_it_makes_a_step()
    {
        var images = MlContext.Data.FilterByCustomPredicate<Row>(Training.Images(MlContext), _ =>
        {
            Thread.Sleep(20);
            return false;
        });
        using var result = Experiment(trials: null).SetDataset(images, validationFraction: 0.25f, holdOut: true).SetTrainingTimeInSeconds(1).Run();
        Assert.Equal(1, result.Best.Last!.Steps);
    }

    [Fact]
    public void In_a_time_for_one_training_it_trains_the_defaults()
    {
        using var result = Experiment(trials: null).SetTrainingTimeInSeconds(1).Run();
        Assert.Equal("defaults", Assert.Single(result.Trials).Name);
        Assert.Equal(1, Assert.Single(result.Best.Intervals).Rung + 1);
    }

    [Fact]
    public void A_trial_that_the_time_cuts_off_is_named_in_the_log()
    {
        var log = new LogMessages(MlContext);
        var monitor = new Events { BeforeInterval = trial => Thread.Sleep(trial.Number == 2 ? 16_000 : 0) };
        using var result = InTime(seconds: 16).SetMonitor(monitor).Run();
        var cut = Assert.Single(result.Trials, trial => trial.Last is null);
        Assert.Equal(2, cut.Number);
        Assert.Contains(log, message => message.Contains($"{cut} was not compared", StringComparison.Ordinal));
        Assert.Equal(1, result.Best.Number);
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";
    }
}
