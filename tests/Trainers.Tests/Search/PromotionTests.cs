using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which trials go on, from given results.</summary>
public sealed class PromotionTests
{
    /// <summary>Number of rows. Most trials have all of them right, so that the log-loss decides.</summary>
    private const int Rows = 100;

    private static readonly ConfigurationSpace Space = new(
        [.. StandardDimensions.All()],
        new SlaTrainer.Options { Augmentations = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()] },
        new ImageShape(3, 32, 32),
        _ => null);

    private int _trials;

    [Fact]
    public void A_trial_with_more_intervals_leads_and_broken_and_unplanned_ones_do_not()
    {
        var early = TrialAt([0.1]);
        var late = TrialAt([0.9, 0.8]);
        var begun = TrialAt([]);
        var broken = TrialAt([0.01, 0.01]);
        broken.LeaveOut("broken");
        var unplanned = new Candidate(new Configuration([]), new SlaTrial(99, new Dictionary<string, string>(), seed: 1));
        Assert.Equal([late, early, begun], Rules(rungs: 3).Leaders([early, begun, unplanned, broken, late]));
    }

    [Fact]
    public void At_the_last_rung_the_set_of_views_leads_whose_curve_ends_lower()
    {
        // Lower now, and expected to end at 0.5 * (0.5 / 0.6)^1; behind now, and expected at 0.6 * (0.6 / 1.8)^1.
        var ahead = TrialAt([0.6, 0.5]);
        var falling = TrialAt([1.8, 0.6], ("Transformations", "hflip"));
        var second = TrialAt([1, 0.7], ("LearningRate", "0.05"));
        Candidate[] trials = [ahead, falling, second];
        Assert.Equal([ahead, falling, second], Rules(rungs: 3).Leaders(trials));
        Assert.Equal([falling, ahead, second], Rules(rungs: 2).Leaders(trials));
        Assert.Equal([ahead, falling, second], Rules(rungs: 2, SearchMetric.LogLoss).Leaders(trials));
    }

    [Fact]
    public void The_best_of_each_set_of_views_goes_on_before_the_second_of_any()
    {
        var baseline = TrialAt([0.9]);
        var best = TrialAt([0.1], ("Transformations", "hflip"));
        var secondBest = TrialAt([0.2], ("Transformations", "hflip"), ("LearningRate", "0.05"));
        var third = TrialAt([0.3], ("Transformations", "vflip"));
        Candidate[] trials = [baseline, best, secondBest, third];
        Assert.Equal([baseline, best], Rules().Promoted(trials, 2));
        Assert.Equal([baseline, best, third], Rules().Promoted(trials, 3));
        Assert.Equal([baseline, best, third, secondBest], Rules().Promoted(trials, 4));
        Assert.Equal([best], Rules().Promoted(trials, 1));
    }

    [Fact]
    public void The_strongest_augmentation_and_the_best_other_go_on_with_the_baseline_s_views()
    {
        var baseline = TrialAt([0.5]);
        var strong = TrialAt([0.9], ("Augmentation", "strong"));
        var unmirrored = TrialAt([0.6], ("Augmentation", "crop"));
        var drawn = TrialAt([0.1], ("Augmentation", "color-jitter"));
        var other = TrialAt([0.4], ("Transformations", "hflip"), ("Augmentation", "crop"));
        Candidate[] trials = [baseline, strong, unmirrored, drawn, other];

        // One place is kept for another set of views; "color-jitter" is not tried by rule, so its rank is all that it has.
        Assert.Equal([strong, other], Rules().Promoted(trials, 2));
        Assert.Equal([baseline, strong, other], Rules().Promoted(trials, 3));
        Assert.Equal([baseline, unmirrored, strong, other], Rules().Promoted(trials, 4));
        Assert.Equal([baseline, unmirrored, strong, other, drawn], Rules().Promoted(trials, 5));
    }

    [Fact]
    public void No_mirror_images_go_before_the_baseline_only_where_accuracy_tells_them_apart()
    {
        var baseline = TrialAt([0.5]);
        var strong = TrialAt([0.9], ("Augmentation", "strong"));
        var close = TrialAt([0.1], ("Augmentation", "crop"));
        var other = TrialAt([0.4], ("Transformations", "hflip"), ("Augmentation", "crop"));
        Assert.Equal([baseline, strong, other], Rules().Promoted([baseline, strong, close, other], 3));

        var behind = TrialAt([0.5], right: Rows / 2);
        Assert.Equal([close, strong, other], Rules().Promoted([behind, strong, close, other], 3));
    }

    [Fact]
    public void Promotion_changes_no_trial()
    {
        var first = TrialAt([0.1]);
        var second = TrialAt([0.2], ("LearningRate", "0.05"));
        Rules().Promoted([first, second], 1);
        Assert.True(first.IsAlive && second.IsAlive);
    }

    private static Promotion Rules(int rungs = 3, SearchMetric metric = SearchMetric.MicroAccuracy) =>
        new(new SearchSettings(new SlaTrainer.Options(), [], metric, null, null, null), Space, Space.Default, rungs);

    private Candidate TrialAt(double[] logLosses, params (string Name, string Value)[] values) => TrialAt(logLosses, Rows, values);

    /// <summary>A trial of 900 steps with a log-loss at each rung: after 100 steps and after 300.</summary>
    private Candidate TrialAt(double[] logLosses, int right, params (string Name, string Value)[] values)
    {
        var configuration = new Configuration(values.Select(value => KeyValuePair.Create(value.Name, value.Value)));
        var trial = new Candidate(configuration, new SlaTrial(++_trials, configuration.Values, seed: 1));
        trial.Begin(new PlannedTrial(trial.Number, configuration.Values, Epochs: 9, Steps: 900));
        bool[] isRight = [.. Enumerable.Range(0, Rows).Select(row => row < right)];
        foreach (var (rung, logLoss) in logLosses.Index())
            trial.Add(new RungResult(Intervals.New(rung, rung == 0 ? 100 : 300, (double)right / Rows, logLoss), isRight));
        return trial;
    }
}
