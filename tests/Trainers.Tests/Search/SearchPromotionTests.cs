using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Tensors;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which trials of an experiment go on, and to which model the best one comes.</summary>
public sealed class SearchPromotionTests : SearchTest
{
    [Fact]
    public void A_third_goes_on_and_the_best_of_all_comes_to_its_end()
    {
        using var result = Experiment(trials: 6).SetMetric(SearchMetric.LogLoss).Run();
        var trials = result.Trials;
        AssertPromotions(trials, [6, 3, 1]);

        // A ninth, a third, and all of the steps of the same training.
        Assert.Equal([2, 6, 18], result.Best.Intervals.Select(interval => interval.Steps));
        Assert.Equal(18, result.Model.TrainingHistory.Epochs[^1].Step);
        Assert.Same(result.Best, trials.Single(trial => trial.Intervals.Count == 3));
    }

    [Fact]
    public void The_best_of_each_set_of_views_goes_on_before_a_second_of_any()
    {
        using var result = Experiment(trials: 14).SetMetric(SearchMetric.LogLoss).Run();
        AssertPromotions(result.Trials, [14, 5, 3, 1]);
        string[] last = [.. result.Trials.Where(trial => trial.Intervals.Count > 2).Select(Views)];
        Assert.Equal(2, last.Distinct().Count());
        Assert.Contains("rotation", last);
    }

    [Fact]
    public void The_defaults_with_and_without_mirror_images_both_pass_the_first_rung()
    {
        using var mirrored = Experiment(trials: 14).Run();
        Assert.Contains("Augmentation=crop", mirrored.Trials.Select(trial => trial.Name));
        Assert.Equal(["crop", "crop+flip", "strong"], mirrored.Trials.Where(trial => trial.Intervals.Count > 1 && Views(trial) == "rotation").Select(Augmentation).Order(StringComparer.Ordinal));

        // Where none are mirrored, the strongest augmentation is the only one that is tried by rule.
        using var unmirrored = Experiment(configure: options => options.Augmentations = [ImageAugmentation.RandomCrop()], trials: 14).Run();
        Assert.Equal(["Augmentation=strong"], unmirrored.Trials.Take(8).Select(trial => trial.Name).Where(name => name.StartsWith("Augmentation", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_defaults_with_the_strongest_augmentation_reach_the_last_rung()
    {
        using var result = Experiment(trials: 14).SetMetric(SearchMetric.LogLoss).Run();
        var strong = result.Trials.Single(trial => trial.Name == "Augmentation=strong");
        int rank = result.Trials.Count(trial => trial.Intervals[0].LogLoss < strong.Intervals[0].LogLoss);
        Assert.True(rank >= 5, $"It is kept by its rank, {rank}.");
        Assert.True(strong.Intervals.Count > 2, $"It has {strong.Intervals.Count} intervals.");
    }

    [Theory]
    [InlineData(false, "crop+flip")]
    [InlineData(true, "crop")]
    public async Task The_defaults_without_mirror_images_reach_the_last_rung_where_told_apart(bool areApart, string promoted)
    {
        using var result = await WithRecord(intervals: 14 + 5, (rung, trial) => (rung, Views(trial), Augmentation(trial)) switch
        {
            (1, "rotation", "crop") => (0.1, ValidationRows),
            (1, "rotation", "crop+flip") => (0.2, areApart ? 0 : ValidationRows),
            (1, "rotation", _) => (0.3, ValidationRows),
            (1, _, _) => (1, ValidationRows),
            _ => null,
        });
        Assert.Equal([promoted, "strong"], result.Trials.Where(trial => trial.Intervals.Count > 2 && Views(trial) == "rotation").Select(Augmentation).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(0.6, true)]
    [InlineData(0.4, false)]
    public async Task At_the_last_rung_the_transformations_come_first_whose_log_loss_leads_lower(double before, bool isFirst)
    {
        using var result = await WithRecord(intervals: 14 + 5 + 3, (rung, trial) => (rung, Views(trial)) switch
        {
            (1, "rotation") => (before, ValidationRows),
            (1, _) => (trial.Intervals.Count > 2 ? 0.36 : 2, ValidationRows),
            (2, "rotation") => (0.34, ValidationRows / 2),
            (2, _) => (0.3, ValidationRows),
            _ => null,
        });
        Assert.Equal(3, result.Best.Intervals.Count(interval => interval.Rung < 3));
        Assert.Equal(isFirst, Views(result.Best) == "rotation");
    }

    [Fact]
    public void A_promoted_trial_comes_to_the_model_of_a_training_without_a_stop()
    {
        using var result = Experiment(trials: 6).Run();
        using var whole = MlContext.MulticlassClassification.Trainers.Sla(result.Options).Fit(Training.Images(MlContext));
        Assert.Equal(whole.Model.Weights.SelectMany(tensor => tensor.Values), Weights(result));
    }

    /// <summary>A search that is ended after some intervals, and goes on with what is given for rungs of its record: a log-loss and a number of right rows.</summary>
    private async Task<SlaExperimentResult> WithRecord(int intervals, Func<int, SlaTrial, (double LogLoss, int Right)?> given)
    {
        using var cancellation = new CancellationTokenSource();
        using var cancelled = await Experiment(Folder, trials: 14).SetMonitor(new Events { AfterInterval = At(intervals, cancellation.Cancel) }).RunAsync(cancellation.Token);
        string record = Path.Combine(Folder, "trials.jsonl");
        await File.WriteAllLinesAsync(record, File.ReadAllLines(record).Select(Changed));

        // What was decided by the record as it was.
        string planned = Path.Combine(Folder, "search.json");
        var plan = JsonNode.Parse(await File.ReadAllTextAsync(planned))!;
        plan["final"] = null;
        await File.WriteAllTextAsync(planned, Sealed(plan));
        return await Experiment(Folder, trials: 14).RunAsync();

        string Changed(string text)
        {
            var line = JsonNode.Parse(text)!;
            var trial = cancelled.Trials.Single(trial => trial.Number == (int)line["trial"]!);
            if (given((int)line["rung"]!, trial) is not var (logLoss, right))
                return text;
            string digits = TrialRecord.Digits([.. Enumerable.Range(0, ValidationRows).Select(row => row < right)]);
            (line["interval"]!["logLoss"], line["interval"]!["accuracy"], line["right"]) = (logLoss, (double)right / ValidationRows, digits);
            return Sealed(line);
        }

        static string Sealed(JsonNode json)
        {
            json.AsObject().Remove("checksum");
            return SealedJson.Seal(json.ToJsonString());
        }
    }

    private static void AssertPromotions(IReadOnlyList<SlaTrial> trials, int[] counts)
    {
        Assert.Equal(counts, counts.Index().Select(rung => trials.Count(trial => trial.Intervals.Count > rung.Index)));
        for (int rung = 0; rung + 1 < counts.Length; rung++)
        {
            var there = trials.Where(trial => trial.Intervals.Count > rung);
            Assert.Equal(Promoted(there, rung, counts[rung + 1]), trials.Where(trial => trial.Intervals.Count > rung + 1));
        }
    }

    /// <summary>
    /// The best trials of a rung by log-loss: of each set of views one before a second of any, and in any case one of the defaults' and, as far as there is
    /// room for another, one of it with each augmentation that is tried by rule: the strongest, and the better one of the others first.
    /// </summary>
    private static IEnumerable<SlaTrial> Promoted(IEnumerable<SlaTrial> there, int rung, int count)
    {
        var ranked = there.OrderBy(trial => trial.Intervals[rung].LogLoss).ToList();
        var usual = ranked.Where(trial => Views(trial) == "rotation" && Augmentation(trial) is ("crop" or "crop+flip" or "strong")).ToList();
        SlaTrial?[] late = [usual.Find(IsStrong), usual.Find(trial => !IsStrong(trial)), usual.Find(trial => Augmentation(trial) == "crop"), usual.Find(trial => Augmentation(trial) == "crop+flip")];
        var promoted = late.OfType<SlaTrial>().Distinct().Take(count - 1).ToList();
        for (int most = 1; promoted.Count < Math.Min(count, ranked.Count); most++)
        {
            foreach (var trial in ranked.Except(promoted).ToList())
            {
                if (promoted.Count < count && promoted.Count(other => Views(other) == Views(trial)) < most)
                    promoted.Add(trial);
            }
        }

        return promoted.OrderBy(trial => trial.Number);
    }

    private static bool IsStrong(SlaTrial trial) => Augmentation(trial) == "strong";
}
