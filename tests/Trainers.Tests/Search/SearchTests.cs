using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Tests.Native;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Experiments on real images, small enough for seconds.</summary>
public sealed class SearchTests : IDisposable
{
    private const string FolderVariable = "SLA_TEST_SEARCH_FOLDER";

    /// <summary>How many rows of images trials are compared on.</summary>
    private const int ValidationRows = 18;

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("sla-search-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_same_seed_finds_the_same_model_with_the_same_trials()
    {
        using var first = Experiment().Run();
        using var second = Experiment().Run();
        Assert.True(first.IsComplete);
        Assert.Equal(first.Trials.Select(Summary), second.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(second));
        Assert.Equal(4, first.Trials.Count);
        Assert.Equal("defaults", first.Trials[0].Name);
    }

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
    public void The_defaults_without_mirror_images_are_a_trial_and_neither_is_left_out_for_the_other_at_first()
    {
        using var mirrored = Experiment(trials: 14).Run();
        Assert.Contains("Augmentation=crop", mirrored.Trials.Select(trial => trial.Name));
        Assert.Equal(["crop", "crop+flip", "strong"], mirrored.Trials.Where(trial => trial.Intervals.Count > 1 && Views(trial) == "rotation").Select(Augmentation).Order(StringComparer.Ordinal));

        // Where none are mirrored, the strongest augmentation is the only one that is tried by rule.
        using var unmirrored = Experiment(configure: options => options.Augmentations = [ImageAugmentation.RandomCrop()], trials: 14).Run();
        Assert.Equal(["Augmentation=strong"], unmirrored.Trials.Take(8).Select(trial => trial.Name).Where(name => name.StartsWith("Augmentation", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_defaults_with_the_strongest_augmentation_are_a_trial_that_comes_to_the_last_rung()
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
    public async Task The_defaults_without_mirror_images_take_their_place_at_the_last_rung_where_they_are_told_apart(bool areApart, string promoted)
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
    public void A_log_loss_is_expected_to_fall_on_by_a_power_law_of_the_steps()
    {
        Assert.Equal(0.25, Expected(900, (100, 1), (300, 0.5)), 12);
        Assert.Equal(0.125, Expected(2700, (33, 7), (100, 1), (300, 0.5)), 12);
        Assert.Equal(2, Expected(900, (100, 0.5), (300, 1)), 12);
        Assert.Equal(0.5, Expected(900, (300, 0.5)));
        Assert.Equal(0.5, Expected(900, (100, 0), (300, 0.5)));
        Assert.Equal(0.5, Expected(900, (300, 1), (300, 0.5)));

        static double Expected(long steps, params (long Steps, double LogLoss)[] rungs) =>
            Ranking.ExpectedLogLoss([.. rungs.Select((rung, index) => new SlaTrialInterval(index, rung.Steps, 1, 1, 0.5, 0.5, rung.LogLoss, Against: null))], steps);
    }

    [Fact]
    public void A_promoted_trial_comes_to_the_model_of_a_training_without_a_stop()
    {
        using var result = Experiment(trials: 6).Run();
        using var whole = _mlContext.MulticlassClassification.Trainers.Sla(result.Options).Fit(Training.Images(_mlContext));
        Assert.Equal(whole.Model.Weights.SelectMany(tensor => tensor.Values), Weights(result));
    }

    [Fact]
    public void Trials_are_recorded_with_configuration_metrics_versions_and_a_paired_comparison()
    {
        using var result = Experiment(_folder).Run();
        var lines = File.ReadLines(Path.Combine(_folder, "trials.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(result.Trials.Sum(trial => trial.Intervals.Count), lines.Count);
        Assert.Equal([1, 2, 3, 4], lines.Take(4).Select(line => (int)line["trial"]!));
        Assert.All(lines, line =>
        {
            Assert.Equal(7, (int)line["seed"]!);
            Assert.True((long)line["interval"]!["steps"]! > 0);
            Assert.True((double)line["interval"]!["seconds"]! > 0);
            Assert.InRange((double)line["interval"]!["logLoss"]!, 0, 10);
            Assert.Contains(line["versions"]!.AsObject(), version => version.Key == "TorchSharp");
        });

        // Bits of the rows give the accuracy, and the comparison.
        bool[][] rows = [.. lines.Take(4).Select(line => Bits((string)line["right"]!))];
        Assert.Equal(lines.Take(4).Select(line => (double)line["interval"]!["accuracy"]!), rows.Select(row => row.Count(right => right) / (double)ValidationRows), (a, b) => Math.Abs(a - b) < 1e-9);
        var against = lines[1]["interval"]!["against"]!;
        Assert.Equal(1, (int)against["trial"]!);
        Assert.Equal(rows[1].Zip(rows[0]).Count(row => row.First && !row.Second), (int)against["better"]!);
        Assert.Equal(rows[1].Zip(rows[0]).Count(row => !row.First && row.Second), (int)against["worse"]!);
    }

    [Fact]
    public void A_paired_difference_has_the_standard_error_of_McNemar()
    {
        bool[] here = [true, true, true, false, false, true, true, false, true, true];
        bool[] there = [true, false, false, true, false, true, true, false, true, false];
        var comparison = SlaPairedComparison.Of(here, 3, there);
        Assert.Equal((3, 3, 1), (comparison.Trial, comparison.Better, comparison.Worse));
        double[] differences = [.. here.Zip(there).Select(row => (row.First ? 1.0 : 0) - (row.Second ? 1 : 0))];
        double mean = differences.Average();
        Assert.Equal(mean, comparison.Difference, 12);
        Assert.Equal(Math.Sqrt(differences.Average(d => (d - mean) * (d - mean)) / 10), comparison.StandardError, 12);
    }

    [Fact]
    public void Trials_that_accuracy_does_not_tell_apart_are_ranked_by_log_loss()
    {
        // Of 100 rows; a trial that has the same rows right and 6 more is 6 +- 4.7 rows ahead, by two standard errors: told apart.
        var second = Result(firstRows: 90, lastRows: 0, logLoss: 0.9);
        var third = Result(firstRows: 84, lastRows: 0, logLoss: 0.5);
        var last = Result(firstRows: 70, lastRows: 0, logLoss: 0.1);
        var first = Result(firstRows: 90, lastRows: 6, logLoss: 0.6);
        Assert.Equal([first, second, third, last], BestFirst(SearchMetric.MicroAccuracy, last, second, third, first));
        Assert.Equal([last, third, first, second], BestFirst(SearchMetric.LogLoss, second, third, first, last));

        // 3 +- 3.4 rows behind the second.
        var close = Result(firstRows: 87, lastRows: 0, logLoss: 0.4);
        Assert.Equal([close, second, last], BestFirst(SearchMetric.MicroAccuracy, second, last, close));
        Assert.Equal([second, close, last], BestFirst(SearchMetric.MacroAccuracy, second, last, close));

        // What is more varied comes before a log-loss, and not before rows.
        Assert.Equal([second, close, last], VariedFirst(second));
        Assert.Equal([close, second, last], VariedFirst(last));

        static RungResult Result(int firstRows, int lastRows, double logLoss)
        {
            bool[] isRight = [.. Enumerable.Range(0, 100).Select(row => row < firstRows || row >= 100 - lastRows)];
            double accuracy = isRight.Count(right => right) / 100.0;
            return new RungResult(new SlaTrialInterval(0, 50, 1, 1, accuracy, accuracy, logLoss, Against: null), isRight);
        }

        static IEnumerable<RungResult> BestFirst(SearchMetric metric, params RungResult[] results) => Ranking.BestFirst(results, result => result, Settings(metric));

        IEnumerable<RungResult> VariedFirst(RungResult varied) =>
            Ranking.BestFirst([second, last, close], result => result, Settings(SearchMetric.MicroAccuracy), result => result == varied ? 1 : 0);

        static SearchSettings Settings(SearchMetric metric) => new(new SlaTrainer.Options(), [], metric, null, null, null);
    }

    [Fact]
    public void What_is_chosen_of_one_view_is_no_objective()
    {
        using var result = Experiment(trials: 12).SetSearchSpace(Space().Fix("Transformations", "none")).Run();
        Assert.Equal(12, result.Trials.Count);
        Assert.All(result.Trials, trial => Assert.DoesNotContain("Objective", trial.Configuration.Keys));
    }

    [Fact]
    public async Task Killed_at_any_moment_the_search_goes_on_to_the_same_trials_and_model()
    {
        if (TestProcess.IsThis)
        {
            Experiment(Environment.GetEnvironmentVariable(FolderVariable), holdOut: false).Run().Dispose();
            return;
        }

        using var whole = Experiment(Path.Combine(_folder, "whole"), holdOut: false).Run();
        string folder = Path.Combine(_folder, "killed");
        string record = Path.Combine(folder, "trials.jsonl");
        foreach (int lines in new[] { 1, 3, 5, 6 })
        {
            using var search = TestProcess.Start(GetType(), nameof(Killed_at_any_moment_the_search_goes_on_to_the_same_trials_and_model), FolderVariable, folder);
            while (!search.HasExited && Lines(record) < lines)
                await Task.Delay(1, TestContext.Current.CancellationToken);
            search.Kill();
            await search.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        int before = Lines(record);
        Assert.InRange(before, 6, 7);

        // What the system left of a line, as after a power failure.
        await File.AppendAllTextAsync(record, "{\"trial\":4,\"conf", TestContext.Current.CancellationToken);
        using var resumed = Experiment(folder, holdOut: false).Run();
        Assert.Equal(whole.Trials.Select(Summary), resumed.Trials.Select(Summary));
        Assert.Equal(Weights(whole), Weights(resumed));
        Assert.Equal(Lines(Path.Combine(_folder, "whole", "trials.jsonl")), Lines(record));

        static int Lines(string path)
        {
            if (!File.Exists(path))
                return 0;
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Count(character => character == '\n');
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_that_is_complete_is_read_from_its_folder(bool holdOut)
    {
        using var first = Experiment(_folder, trials: 14, holdOut: holdOut).Run();
        long length = new FileInfo(Path.Combine(_folder, "trials.jsonl")).Length;
        using var again = Experiment(_folder, trials: 14, holdOut: holdOut).Run();
        Assert.Equal(first.Trials.Select(Summary), again.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(again));
        Assert.Equal(length, new FileInfo(Path.Combine(_folder, "trials.jsonl")).Length);

        // The checkpoint of the winner alone is left.
        Assert.Equal($"trial-{first.Best.Number:000}", Path.GetFileName(Assert.Single(Directory.GetDirectories(_folder))));
    }

    [Theory]
    [InlineData("Search space")]
    [InlineData("Data set")]
    [InlineData("Rows held out to the end")]
    [InlineData("Metric")]
    [InlineData("Trials")]
    public void Another_search_in_the_folder_is_refused_by_name(string difference)
    {
        Experiment(_folder).Run().Dispose();
        var other = difference switch
        {
            "Search space" => Experiment(_folder).SetSearchSpace(Space().Remove("WeightDecay")),
            "Data set" => Experiment(_folder, classes: 2),
            "Rows held out to the end" => Experiment(_folder, holdOut: false),
            "Metric" => Experiment(_folder).SetMetric(SearchMetric.LogLoss),
            _ => Experiment(_folder, trials: 5),
        };
        string message = Assert.Throws<InvalidOperationException>(() => other.Run()).Message;
        Assert.Contains("another search", message, StringComparison.Ordinal);
        Assert.Contains($"{difference}: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_has_one_search_at_a_time()
    {
        using var first = new SearchFolder(_folder);
        Assert.Contains("at work in it", Assert.Throws<IOException>(() => Experiment(_folder).Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_trial_is_recorded_reported_and_left_out()
    {
        var monitor = new Events();
        var space = new SlaSearchSpace();
        foreach (string name in space.Names)
            space.Remove(name);
        space.Add("Rate", ("diverges", options => options.LearningRate = 1e30), ("learns", options => options.LearningRate = 0.05));
        using var result = Experiment(_folder, trials: 3).SetSearchSpace(space).SetMonitor(monitor).Run();

        var broken = Assert.Single(result.Trials, trial => trial.Failure is not null);
        Assert.Equal("Rate=diverges", broken.Name);
        Assert.NotEqual(broken.Number, result.Best.Number);
        Assert.Equal([broken.Number], monitor.Failed);
        Assert.Contains(File.ReadLines(Path.Combine(_folder, "trials.jsonl")), line => (string?)JsonNode.Parse(line)!["failure"] == broken.Failure);
        Assert.False(Directory.Exists(Path.Combine(_folder, $"trial-{broken.Number:000}")));
    }

    [Fact]
    public void A_trial_that_memory_does_not_hold_is_left_out_with_what_to_lower()
    {
        var space = new SlaSearchSpace();
        foreach (string name in space.Names)
            space.Remove(name);
        space.Add("Augmentation", ("too large", options => options.Augmentations = [new TooLarge()]), ("none", options => options.Augmentations = []));
        using var result = Experiment(_folder, trials: 3).SetSearchSpace(space).Run();

        var broken = Assert.Single(result.Trials, trial => trial.Failure is not null);
        Assert.Equal("Augmentation=too large", broken.Name);
        Assert.Contains("can't allocate memory", broken.Failure, StringComparison.Ordinal);
        Assert.Contains("Lower BatchSize, which is 27", broken.Failure, StringComparison.Ordinal);
        Assert.NotEqual(broken.Number, result.Best.Number);
        Assert.True(result.IsComplete);
    }

    [Fact]
    public void Where_all_trials_are_broken_the_first_message_is_the_error()
    {
        var experiment = Experiment(configure: options => options.LearningRate = 1e30).SetSearchSpace(Space().Remove("LearningRate"));
        string message = Assert.Throws<InvalidOperationException>(() => experiment.Run()).Message;
        Assert.Contains("All 4 trials are broken", message, StringComparison.Ordinal);
        Assert.Contains("Lower LearningRate", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_it_returns_the_best_trial_so_far()
    {
        using var cancellation = new CancellationTokenSource();
        var monitor = new Events { AfterInterval = At(2, cancellation.Cancel) };
        using var result = await Experiment().SetMetric(SearchMetric.LogLoss).SetMonitor(monitor).RunAsync(cancellation.Token);
        Assert.False(result.IsComplete);
        Assert.Equal(2, result.Trials.Count(trial => trial.Intervals.Count > 0));
        Assert.Equal(result.Trials.Min(trial => trial.Last?.LogLoss), result.Best.Last!.LogLoss);
        Assert.Equal(3, Training.Scores(result.Model.Transform(Training.Images(_mlContext)))[0].Length);
    }

    [Fact]
    public async Task Cancelled_when_the_last_trial_is_compared_it_returns_the_best()
    {
        using var cancellation = new CancellationTokenSource();
        using var result = await InTime(seconds: 24, trials: 2).SetMonitor(new Events { AfterInterval = At(2, cancellation.Cancel) }).RunAsync(cancellation.Token);
        Assert.False(result.IsComplete);
        Assert.Equal([1, 1], result.Trials.Select(trial => trial.Intervals.Count));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    public async Task Cancelled_in_the_last_training_it_goes_on_with_it(bool holdOut, int epochs)
    {
        using var cancellation = new CancellationTokenSource();
        var last = new LastTraining();
        var monitor = new Events { AtFinal = () => last.AfterEpochs(epochs, cancellation.Cancel) };
        using (var cancelled = await Experiment(_folder, options => options.Observers = [last], holdOut: holdOut).SetMonitor(monitor).RunAsync(cancellation.Token))
        {
            Assert.False(cancelled.IsComplete);
            Assert.Equal(6, cancelled.Trials.Sum(trial => trial.Intervals.Count));
            Assert.Equal(3 + epochs, cancelled.Model.TrainingHistory.Epochs.Count);
            Assert.Equal(epochs > 0 && !holdOut ? 72 : 54, cancelled.Model.TrainingHistory.Images);
        }

        using var resumed = Experiment(_folder, holdOut: holdOut).Run();
        using var whole = Experiment(holdOut: holdOut).Run();
        Assert.True(resumed.IsComplete);
        Assert.Equal(whole.Trials.Select(Summary), resumed.Trials.Select(Summary));
        Assert.Equal(Weights(whole), Weights(resumed));
    }

    [Fact]
    public void A_cancelled_context_returns_the_best_trial_so_far()
    {
        // As ML.NET's AutoML does it, which ML.NET shows its internals to.
        var cancel = typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!;
        using var result = Experiment().SetMonitor(new Events { AfterInterval = _ => cancel.Invoke(_mlContext, null) }).Run();
        Assert.False(result.IsComplete);
        Assert.Equal(1, result.Trials.Sum(trial => trial.Intervals.Count));
    }

    [Fact]
    public void What_a_monitor_throws_is_no_broken_trial()
    {
        var monitor = new Events { AfterInterval = _ => throw new FormatException("the monitor's own") };
        Assert.Equal("the monitor's own", Assert.Throws<FormatException>(() => Experiment(_folder).SetMonitor(monitor).Run()).Message);
        using var result = Experiment(_folder).Run();
        Assert.All(result.Trials, trial => Assert.Null(trial.Failure));
    }

    [Fact]
    public async Task Cancelled_before_there_is_anything_it_throws()
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Experiment().RunAsync(cancellation.Token));
    }

    [Fact]
    public void A_time_is_kept_to_within_a_tenth_and_used()
    {
        using var result = InTime(seconds: 12).Run();
        Assert.InRange(result.Elapsed.TotalSeconds, 6, 13.2);
        Assert.True(result.Trials.Count > 1);
        Assert.True(result.IsComplete);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_in_a_time_that_is_complete_is_read_from_its_folder(bool holdOut)
    {
        using var first = Experiment(_folder, trials: null, holdOut: holdOut).SetTrainingTimeInSeconds(4).Run();
        using var again = Experiment(_folder, trials: null, holdOut: holdOut).SetTrainingTimeInSeconds(4).Run();
        Assert.Equal(first.Trials.Select(Summary), again.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(again));
        Assert.InRange(again.Elapsed, first.Elapsed * 0.9, TimeSpan.MaxValue);
    }

    [Fact]
    public void A_trial_that_broke_before_it_was_planned_is_as_broken_when_the_search_is_read_again()
    {
        var space = new SlaSearchSpace();
        foreach (string name in space.Names)
            space.Remove(name);
        space.Add("Augmentation", ("breaks", options => options.Augmentations = [new Broken()]), ("none", options => options.Augmentations = []));
        using var first = New().Run();
        using var again = New().Run();
        Assert.Equal("Augmentation=breaks", Assert.Single(first.Trials, trial => trial.Failure is not null).Name);
        Assert.Equal(first.Trials.Select(trial => trial.Failure), again.Trials.Select(trial => trial.Failure));
        Assert.Equal(first.Trials.Select(Summary), again.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(again));

        SlaExperiment New() => InTime(seconds: 10, trials: 3, _folder).SetSearchSpace(space);
    }

    [Fact]
    public void In_a_time_that_is_over_when_the_images_are_read_it_makes_a_step()
    {
        var images = _mlContext.Data.FilterByCustomPredicate<Row>(Training.Images(_mlContext), _ =>
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
    public void On_folds_the_mean_decides_and_the_model_is_trained_on_all_rows()
    {
        using var result = Experiment().SetDataset(Training.Images(_mlContext), folds: 3).SetMetric(SearchMetric.LogLoss).Run();
        Assert.Equal(72, result.Model.TrainingHistory.Images);
        Assert.Equal(0, result.Model.TrainingHistory.ValidationImages);
        double? best = result.Trials.Where(trial => trial.Intervals.Count == result.Best.Intervals.Count).Min(trial => trial.Last?.LogLoss);
        Assert.Equal(best, result.Best.Last!.LogLoss);
    }

    [Fact]
    public void The_winner_goes_on_from_its_checkpoint_on_all_rows_in_the_end()
    {
        using var heldOut = Experiment(trials: 6).Run();
        using var result = Experiment(trials: 6, holdOut: false).Run();
        Assert.Equal(72, result.Model.TrainingHistory.Images);
        Assert.Equal(0, result.Model.TrainingHistory.ValidationImages);

        // Trials do not learn the rows that they are compared on.
        Assert.Equal(heldOut.Trials.Select(trial => SummaryOf(trial, rungs: 2)), result.Trials.Select(Summary));

        // Its first third is as it was, and an epoch has as many steps.
        var (there, here) = (heldOut.Model.TrainingHistory.Epochs, result.Model.TrainingHistory.Epochs);
        Assert.Equal(there.Select(epoch => (epoch.Epoch, epoch.Step, epoch.LearningRate)), here.Select(epoch => (epoch.Epoch, epoch.Step, epoch.LearningRate)));
        Assert.Equal(there.Take(3), here.Take(3));
        Assert.All(there.Skip(3).Zip(here.Skip(3)), epoch => Assert.NotEqual(epoch.First.Loss, epoch.Second.Loss));
    }

    [Fact]
    public void Where_rows_are_added_an_epoch_has_as_many_steps_as_before_and_all_rows_are_learned()
    {
        var images = StepFixture.RandomImages(new ImageShape(1, 16, 16), count: 50, classes: 3, new Random(1));
        var settings = new TrainingSettings(Epochs: 12, BatchSize: 8, 1, 0.1, LearningRateSchedule.OneCycle, 0.9, 0, [], Seed: 1) { Tail = new ScheduleTail(Step: 8, PlannedEpochs: 10, PlannedSteps: 50) };
        var sampler = new EpochSampler(new RowSelection(images, [.. Enumerable.Range(0, 50)]), settings);
        Assert.Equal((5, 60), (sampler.StepsPerEpoch, sampler.Steps));
        Assert.Equal(Enumerable.Range(0, 50), Enumerable.Range(3, 6).SelectMany(epoch => sampler.Rows(epoch)[..40]).Distinct().Order());
    }

    [Fact]
    public void That_there_are_more_rows_in_the_end_is_no_reason_for_another_network()
    {
        using var result = Experiment(configure: options => options.Architecture = new ByNumberOfImages(many: 60), holdOut: false).Run();
        Assert.Equal((72, "CIFAR ResNet-8"), (result.Model.TrainingHistory.Images, result.Model.Architecture.Name));
        Assert.All(result.Trials, trial => Assert.Null(trial.Failure));
    }

    [Fact]
    public void Nor_for_larger_steps_where_a_trial_has_one_in_an_epoch()
    {
        using var result = Experiment(_folder, options => options.BatchSize = 100, holdOut: false).Run();
        var header = new CheckpointFile(Path.Combine(_folder, $"trial-{result.Best.Number:000}", "all-rows")).ReadHeader();
        Assert.Equal("54", header.Identity.Entries["BatchSize"]);
        Assert.Equal((9, 9), (header.Step, result.Best.Steps));
    }

    [Fact]
    public void A_single_trial_is_trained_on_all_rows()
    {
        using var result = Experiment(trials: 1, holdOut: false).Run();
        using var whole = _mlContext.MulticlassClassification.Trainers.Sla(result.Options).Fit(Training.Images(_mlContext));
        Assert.Null(result.Best.Last);
        Assert.Equal(whole.Model.Weights.SelectMany(tensor => tensor.Values), Weights(result));
    }

    [Fact]
    public void A_validation_set_is_what_trials_are_compared_on()
    {
        var all = Training.Images(_mlContext);
        var validation = _mlContext.Data.TakeRows(all, 40);
        using var result = Experiment(trials: 2).SetDataset(_mlContext.Data.SkipRows(all, 40), validation).Run();
        Assert.Equal(40, result.Model.TrainingHistory.ValidationImages);
        var metrics = _mlContext.MulticlassClassification.Evaluate(result.Model.Transform(validation));
        Assert.Equal(metrics.MicroAccuracy, result.Best.Last!.Accuracy, 1.0 / 40);
        Assert.Equal(metrics.LogLoss, result.Best.Last.LogLoss, 0.02);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(60)]
    public void The_rest_of_a_schedule_is_stretched_or_compressed_to_a_new_end(int steps)
    {
        var settings = new TrainingSettings(Epochs: steps, 8, 1, 0.1, LearningRateSchedule.OneCycle, 0.9, 0, [], Seed: 1) { Tail = new ScheduleTail(Step: 12, PlannedEpochs: 36, PlannedSteps: 36) };
        double[] rates = [.. Enumerable.Range(0, steps).Select(step => ScheduleMath.RateAt(settings.Schedule, 0.1, settings.Progress(step, steps)))];
        double[] planned = [.. Enumerable.Range(0, 36).Select(step => ScheduleMath.RateAt(settings.Schedule, 0.1, step / 36.0))];
        Assert.Equal(planned[..13], rates[..13], (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(rates[12..].OrderDescending(), rates[12..]);
        Assert.Equal(1, settings.Progress(steps, steps), 12);

        // Half of what was left is done half-way to the new end.
        Assert.Equal(planned[24], ScheduleMath.RateAt(settings.Schedule, 0.1, settings.Progress(12 + ((steps - 12) / 2), steps)), 12);
        Assert.Contains(("Epochs", "36"), settings.Identity());
    }

    [Fact]
    public void A_ceiling_of_latency_leaves_slow_networks_out_before_they_are_trials()
    {
        var space = new SlaSearchSpace();
        foreach (string name in space.Names.Except(["Transformations", "Architecture"]))
            space.Remove(name);

        // Sixteen times the channels are a hundred times the work or more.
        SlaExperiment experiment = Experiment(configure: options => options.Architecture = Architecture.CifarResNet(8, 16)).SetSearchSpace(space);
        using var found = experiment.SetMetric(SearchMetric.MicroAccuracy, SlaInference.Single, TimeSpan.FromMilliseconds(5)).Run();
        Assert.Equal(4, found.Trials.Count);
        Assert.All(found.Trials, trial => Assert.Null(trial.Failure));
        Assert.All(found.Trials, trial => Assert.Contains("Architecture", trial.Configuration.Keys));

        experiment.SetMetric(SearchMetric.MicroAccuracy, latencyCeiling: TimeSpan.FromTicks(10));
        Assert.Contains("more than the ceiling", Assert.Throws<InvalidOperationException>(() => experiment.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Around_the_baseline_sets_are_compared_under_an_objective_that_learns_from_views()
    {
        using var result = Experiment(configure: options => options.Objective = SlaObjective.Baseline, trials: 6).Run();
        Assert.Equal(6, result.Trials.DistinctBy(trial => trial.Name).Count());
        Assert.Equal(["rotation2", "rotation", "hflip"], result.Trials.Skip(1).Take(3).Select(trial => trial.Configuration.GetValueOrDefault("Transformations", "rotation")));
        Assert.All(result.Trials.Skip(1).Take(3), trial => Assert.Equal("SlaSelfDistillation", trial.Configuration["Objective"]));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("vflip")]
    [InlineData("rotation")]
    public void What_is_drawn_around_a_set_learns_from_its_views_or_is_a_baseline(string set)
    {
        var given = new SlaTrainer.Options { Transformations = TransformationSet.HorizontalFlip, Augmentations = [] };
        var space = new ConfigurationSpace([.. StandardDimensions.All()], given, new ImageShape(3, 32, 32), _ => null);
        var basis = space.ByTransformations(space.Default).Single(configuration => configuration.Values["Transformations"] == set);
        var random = new Random(1);
        var drawn = Enumerable.Range(0, 300).Select(_ => space.Draw(random, basis)).ToList();
        Assert.All(drawn, configuration => Assert.Contains(space.Views(configuration), new[] { space.Views(basis), "none" }));
        Assert.Contains(drawn, configuration => configuration.Values.GetValueOrDefault("Objective") == "Baseline");
        Assert.DoesNotContain(drawn, configuration => configuration.Values.GetValueOrDefault("Augmentation") == "none");
    }

    [Fact]
    public void Values_that_say_what_the_options_say_are_not_among_a_trials()
    {
        using var result = Experiment(trials: 14).Run();
        Assert.Equal(14, result.Trials.DistinctBy(trial => trial.Name).Count());
        Assert.All(result.Trials, trial => Assert.DoesNotContain(trial.Configuration, value => value is { Key: "ViewsPerStep", Value: "2" } or { Key: "Objective", Value: "SlaSelfDistillation" }));
    }

    [Theory]
    [InlineData(SlaInference.Single)]
    [InlineData(SlaInference.Aggregated)]
    public void The_model_scores_as_the_metric_says(SlaInference inference)
    {
        using var result = Experiment().SetMetric(SearchMetric.MacroAccuracy, inference).Run();
        Assert.Equal(inference, result.Model.Inference);
    }

    [Fact]
    public void Transformations_that_are_not_possible_drop_out()
    {
        // Grey images that are not square: no rotation by 90 degrees, no colours.
        using var result = Experiment(configure: options => (options.ImageWidth, options.ImageHeight) = (24, 20), trials: 12)
            .SetSearchSpace(Space().Remove("Objective")).Run();
        string[] sets = [.. result.Trials.Select(trial => trial.Configuration.GetValueOrDefault("Transformations", "none")).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(["hflip", "none", "rotation2", "vflip"], sets);
    }

    [Theory]
    [InlineData("hflip", false)]
    [InlineData("rotation2", true)]
    public void Images_are_not_mirrored_at_random_where_the_mirror_image_is_a_view(string transformations, bool areMirrored)
    {
        using var result = Experiment(configure: options => options.Augmentations = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()], trials: 1)
            .SetSearchSpace(new SlaSearchSpace().Fix("Transformations", transformations)).Run();
        Assert.Equal(areMirrored, result.Options.Augmentations.Any(augmentation => augmentation is HorizontalFlip));
        Assert.Contains(result.Options.Augmentations, augmentation => augmentation is RandomCrop);
    }

    [Fact]
    public void Memory_is_back_to_where_it_was_after_each_trial()
    {
        Experiment(trials: 2).Run().Dispose();
        var inUse = new List<long>();
        var monitor = new Events { AfterInterval = _ => inUse.Add(MemoryTests.InUse().Native) };
        using var result = Experiment().SetMonitor(monitor).Run();
        Assert.Equal(7, inUse.Count);

        // What a trial leaves behind is there after every one; the weights of its network alone are 300 KiB.
        Assert.InRange(inUse.Zip(inUse.Skip(1), (before, after) => after - before).Min(), long.MinValue, 64 << 10);
    }

    [Fact]
    public void Dimensions_are_added_fixed_and_removed_by_name()
    {
        var space = new SlaSearchSpace().Add("BatchSize", ("8", o => o.BatchSize = 8)).Add("Smoothing", 0.01, 0.2, (o, value) => o.LabelSmoothing = value)
            .Fix("learningrate", "0.05").Remove("Temperature");
        Assert.Equal(["Transformations", "Objective", "Architecture", "LearningRate", "WeightDecay", "Augmentation", "ViewsPerStep", "BatchSize", "Smoothing"], space.Names);
        Assert.Contains("LearningRate (0.05)", space.ToString(), StringComparison.Ordinal);
        Assert.Contains("There are Transformations, Objective", Assert.Throws<ArgumentException>(() => space.Remove("Temperature")).Message, StringComparison.Ordinal);
        Assert.Contains("It has none, rotation2", Assert.Throws<ArgumentException>(() => space.Fix("Transformations", "jigsaw")).Message, StringComparison.Ordinal);
        Assert.Contains("must be a number", Assert.Throws<ArgumentException>(() => space.Fix("LearningRate", "high")).Message, StringComparison.Ordinal);
        Assert.Contains("already", Assert.Throws<ArgumentException>(() => space.Add("BatchSize", ("9", _ => { }))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => space.Add("Rate", 0, 1, (_, _) => { }));
    }

    [Fact]
    public void What_does_not_fit_together_is_refused_with_what_to_do()
    {
        Refused("SetDataset", () => New(_ => { }).SetMaxModelToExplore(1).Run());
        Refused("SetTrainingTimeInSeconds", () => New(_ => { }).SetDataset(Training.Images(_mlContext), 0.2f).Run());
        Refused("EarlyStopping", () => New(options => options.EarlyStopping = new EarlyStopping()));
        Refused("SetDataset", () => New(options => options.ValidationSetFraction = 0.1f));
        Refused("Folder", () => New(options => options.CheckpointFolder = "run"));
        Refused("2 or more", () => New(_ => { }).SetDataset(Training.Images(_mlContext), folds: 1));
        Refused("below 1", () => New(_ => { }).SetDataset(Training.Images(_mlContext), validationFraction: 1f));
        Refused("Distilled", () => Experiment(configure: options => options.Inference = SlaInference.Distilled).SetMetric(SearchMetric.LogLoss, SlaInference.Single).Run());
        Refused("SlaInference.Single", () => Experiment(configure: options => options.Objective = SlaObjective.Baseline).SetMetric(SearchMetric.LogLoss, SlaInference.Aggregated).Run());

        Refused("2 or more for SlaSelfDistillation", () => Experiment(configure: options => options.ViewsPerStep = 1).Run());

        SlaExperiment New(Action<SlaTrainer.Options> configure) => _mlContext.MulticlassClassification.CreateSlaExperiment(configure);

        static void Refused(string part, Func<object> action) =>
            Assert.Contains(part, Assert.ThrowsAny<Exception>(action).Message, StringComparison.Ordinal);
    }

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

    private SlaExperiment Experiment(string? folder = null, Action<SlaTrainer.Options>? configure = null, int? trials = 4, int classes = 3, bool holdOut = true)
    {
        var options = Training.Options();
        (options.Epochs, options.BatchSize, options.Threads) = (9, 27, 1);
        configure?.Invoke(options);
        var experiment = _mlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options, Folder = folder })
            .SetDataset(Training.Images(_mlContext, classes), validationFraction: 0.25f, holdOut)
            .SetSearchSpace(Space());
        return trials is { } count ? experiment.SetMaxModelToExplore(count) : experiment;
    }

    /// <summary>An experiment in a time, with steps so short that there is room for several trials on a machine that is busy with other things.</summary>
    private SlaExperiment InTime(uint seconds, int? trials = null, string? folder = null) => Experiment(folder, options => options.BatchSize = 3, trials)
        .SetDataset(Training.Images(_mlContext, perClass: 8), validationFraction: 0.25f, holdOut: true)
        .SetTrainingTimeInSeconds(seconds);

    /// <summary>A search that is ended after some intervals, and goes on with what is given for rungs of its record: a log-loss and a number of right rows.</summary>
    private async Task<SlaExperimentResult> WithRecord(int intervals, Func<int, SlaTrial, (double LogLoss, int Right)?> given)
    {
        using var cancellation = new CancellationTokenSource();
        using var cancelled = await Experiment(_folder, trials: 14).SetMonitor(new Events { AfterInterval = At(intervals, cancellation.Cancel) }).RunAsync(cancellation.Token);
        string record = Path.Combine(_folder, "trials.jsonl");
        await File.WriteAllLinesAsync(record, File.ReadAllLines(record).Select(Changed));

        // What was decided by the record as it was.
        string planned = Path.Combine(_folder, "search.json");
        var plan = JsonNode.Parse(await File.ReadAllTextAsync(planned))!;
        plan["final"] = null;
        await File.WriteAllTextAsync(planned, Sealed(plan));
        return await Experiment(_folder, trials: 14).RunAsync();

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

    /// <summary>The search space without networks that take long.</summary>
    private static SlaSearchSpace Space() => new SlaSearchSpace().Remove("Architecture");

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

    private static string Views(SlaTrial trial) =>
        trial.Configuration.GetValueOrDefault("Objective") == "Baseline" ? "none" : trial.Configuration.GetValueOrDefault("Transformations", "rotation");

    private static string Augmentation(SlaTrial trial) => trial.Configuration.GetValueOrDefault("Augmentation", "crop+flip");

    private static bool IsStrong(SlaTrial trial) => Augmentation(trial) == "strong";

    private static string Summary(SlaTrial trial) => SummaryOf(trial, rungs: int.MaxValue);

    private static string SummaryOf(SlaTrial trial, int rungs) =>
        $"{trial}: {string.Join("; ", trial.Intervals.Take(rungs).Select(interval => $"{interval.Rung} {interval.Steps} {interval.Accuracy} {interval.LogLoss} {interval.Against}"))}";

    private static IEnumerable<float> Weights(SlaExperimentResult result) => result.Model.Model.Weights.SelectMany(tensor => tensor.Values);

    private static Action<int> At(int count, Action action) => number =>
    {
        if (number == count)
            action();
    };

    private static bool[] Bits(string digits)
    {
        byte[] bytes = Convert.FromHexString(digits);
        return [.. Enumerable.Range(0, ValidationRows).Select(row => (bytes[row / 8] & (1 << (row % 8))) != 0)];
    }

    private sealed class Broken : ImageAugmentation
    {
        public override string ToString() => "Broken";

        internal override void Apply(AugmentedBatch batch, Random random) => throw new InvalidOperationException("broken");
    }

    /// <summary>Chooses as <see cref="Architecture.Auto"/> does, at a number of images that a test has.</summary>
    private sealed class ByNumberOfImages(int many) : Architecture
    {
        public override string Name => "by number of images";

        public override int EmbeddingSize => throw new NotSupportedException();

        internal override string? Objection(ImageShape shape) => null;

        internal override (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu) => (images < many ? CifarResNet(8) : ConvNet(), "by number of images");

        internal override Layer Describe(int channels) => throw new NotSupportedException();
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";
    }

    /// <summary>Does something after some epochs of what is trained from then on.</summary>
    private sealed class LastTraining : ITrainingObserver
    {
        private Action _act = () => { };
        private int _left;

        public void AfterEpochs(int epochs, Action act)
        {
            (_left, _act) = (epochs, act);
            if (epochs == 0)
                act();
        }

        public void OnEpochEnd(TrainingProgress metrics)
        {
            if (--_left == 0)
                _act();
        }
    }

    private sealed class Events : ISlaExperimentMonitor
    {
        private int _count;

        public List<int> Failed { get; } = [];

        public Action<int> AfterInterval { get; init; } = _ => { };

        public Action AtFinal { get; init; } = () => { };

        public void ReportRunningTrial(SlaTrial trial)
        {
            if (trial.Intervals.Count == 2)
                AtFinal();
        }

        public void ReportCompletedTrial(SlaTrial trial) => AfterInterval(++_count);

        public void ReportFailTrial(SlaTrial trial) => Failed.Add(trial.Number);
    }
}
