using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which rows trials and the winner are trained on, and compared on.</summary>
public sealed class SearchRowsTests : SearchTest
{
    [Fact]
    public void On_folds_the_mean_decides_and_the_model_is_trained_on_all_rows()
    {
        using var result = Experiment().SetDataset(Training.Images(MlContext), folds: 3).SetMetric(SearchMetric.LogLoss).Run();
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
    public void Added_rows_leave_the_steps_of_an_epoch_and_are_all_learned()
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
        using var result = Experiment(Folder, options => options.BatchSize = 100, holdOut: false).Run();
        var header = new CheckpointFile(Path.Combine(Folder, $"trial-{result.Best.Number:000}", "all-rows")).ReadHeader();
        Assert.Equal("54", header.Identity.Entries["BatchSize"]);
        Assert.Equal((9, 9), (header.Step, result.Best.Steps));
    }

    [Fact]
    public void A_single_trial_is_trained_on_all_rows()
    {
        using var result = Experiment(trials: 1, holdOut: false).Run();
        using var whole = MlContext.MulticlassClassification.Trainers.Sla(result.Options).Fit(Training.Images(MlContext));
        Assert.Null(result.Best.Last);
        Assert.Equal(whole.Model.Weights.SelectMany(tensor => tensor.Values), Weights(result));
    }

    [Fact]
    public void A_validation_set_is_what_trials_are_compared_on()
    {
        var all = Training.Images(MlContext);
        var validation = MlContext.Data.TakeRows(all, 40);
        using var result = Experiment(trials: 2).SetDataset(MlContext.Data.SkipRows(all, 40), validation).Run();
        Assert.Equal(40, result.Model.TrainingHistory.ValidationImages);
        var scored = result.Model.Transform(validation);
        Assert.Equal(MlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy, result.Best.Last!.Accuracy, 1.0 / 40);

        // Trials are measured without a temperature.
        Assert.Equal(Training.LogLossWithoutTemperature(result.Model, scored), result.Best.Last.LogLoss, 0.02);
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

    /// <summary>Chooses as <see cref="Architecture.Auto"/> does, at a number of images that a test has.</summary>
    private sealed class ByNumberOfImages(int many) : Architecture
    {
        public override string Name => "by number of images";

        public override int EmbeddingSize => throw new NotSupportedException();

        internal override string? Objection(ImageShape shape) => null;

        internal override (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu) => (images < many ? CifarResNet(8) : ConvNet(), "by number of images");

        internal override Layer Describe(int channels) => throw new NotSupportedException();
    }
}
