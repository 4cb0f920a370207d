using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Tests.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trials and experiments that fail.</summary>
public sealed class SearchFailureTests : SearchTest
{
    [Fact]
    public void A_broken_trial_is_recorded_reported_and_left_out()
    {
        var monitor = new Events();
        var space = new SlaSearchSpace();
        foreach (string name in space.Names)
            space.Remove(name);
        space.Add("Rate", ("diverges", options => options.LearningRate = 1e30), ("learns", options => options.LearningRate = 0.05));
        using var result = Experiment(Folder, trials: 3).SetSearchSpace(space).SetMonitor(monitor).Run();

        var broken = Assert.Single(result.Trials, trial => trial.Failure is not null);
        Assert.Equal("Rate=diverges", broken.Name);
        Assert.NotEqual(broken.Number, result.Best.Number);
        Assert.Equal([broken.Number], monitor.Failed);
        Assert.Contains(File.ReadLines(Path.Combine(Folder, "trials.jsonl")), line => (string?)JsonNode.Parse(line)!["failure"] == broken.Failure);
        Assert.False(Directory.Exists(Path.Combine(Folder, $"trial-{broken.Number:000}")));
    }

    [Fact]
    public void A_trial_that_memory_does_not_hold_is_left_out_with_what_to_lower()
    {
        var space = new SlaSearchSpace();
        foreach (string name in space.Names)
            space.Remove(name);
        space.Add("Augmentation", ("too large", options => options.Augmentations = [new TooLarge()]), ("none", options => options.Augmentations = []));
        using var result = Experiment(Folder, trials: 3).SetSearchSpace(space).Run();

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
        Assert.Contains("All 4 trials failed", message, StringComparison.Ordinal);
        Assert.Contains("Lower LearningRate", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trial_that_broke_before_its_plan_is_broken_when_the_search_is_read_again()
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

        SlaExperiment New() => InTime(seconds: 10, trials: 3, Folder).SetSearchSpace(space);
    }

    [Fact]
    public void What_a_monitor_throws_is_no_broken_trial()
    {
        var monitor = new Events { AfterInterval = _ => throw new FormatException("the monitor's own") };
        Assert.Equal("the monitor's own", Assert.Throws<FormatException>(() => Experiment(Folder).SetMonitor(monitor).Run()).Message);
        using var result = Experiment(Folder).Run();
        Assert.All(result.Trials, trial => Assert.Null(trial.Failure));
    }

    [Fact]
    public void What_does_not_fit_together_is_refused_with_what_to_do()
    {
        Refused("SetDataset", () => New(_ => { }).SetMaxModelToExplore(1).Run());
        Refused("SetTrainingTimeInSeconds", () => New(_ => { }).SetDataset(Training.Images(MlContext), 0.2f).Run());
        Refused("EarlyStopping", () => New(options => options.EarlyStopping = new EarlyStopping()));
        Refused("SetTrainingTimeInSeconds", () => New(options => options.TrainingTime = TimeSpan.FromMinutes(1)));
        Refused("SetDataset", () => New(options => options.ValidationSetFraction = 0.1f));
        Refused("Folder", () => New(options => options.CheckpointFolder = "run"));
        Refused("2 or more", () => New(_ => { }).SetDataset(Training.Images(MlContext), folds: 1));
        Refused("below 1", () => New(_ => { }).SetDataset(Training.Images(MlContext), validationFraction: 1f));
        Refused("Distilled", () => Experiment(configure: options => options.Inference = SlaInference.Distilled).SetMetric(SearchMetric.LogLoss, SlaInference.Single).Run());
        Refused("SlaInference.Single", () => Experiment(configure: options => options.Objective = SlaObjective.Baseline).SetMetric(SearchMetric.LogLoss, SlaInference.Aggregated).Run());

        Refused("2 or more for SlaSelfDistillation", () => Experiment(configure: options => options.ViewsPerStep = 1).Run());

        SlaExperiment New(Action<SlaTrainer.Options> configure) => MlContext.MulticlassClassification.CreateSlaExperiment(configure);

        static void Refused(string part, Func<object> action) =>
            Assert.Contains(part, Assert.ThrowsAny<Exception>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_options_are_set_to_after_the_experiment_was_made_does_not_count()
    {
        var options = new SlaTrainer.Options();
        var experiment = Experiment(configure: given => options = given, trials: 1);
        options.FeatureColumnName = "Nothing";
        using var result = experiment.Run();
        Assert.True(result.IsComplete);
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

    private sealed class Broken : ImageAugmentation
    {
        public override string ToString() => "Broken";

        internal override void Apply(AugmentedBatch batch, Random random) => throw new InvalidOperationException("broken");
    }
}
