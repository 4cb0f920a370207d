using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trainings that have a time, on a machine that becomes slower and faster.</summary>
public sealed class TrainingTimeTests : IDisposable
{
    private const double Peak = 0.01;

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly FakeTime _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("sla-time-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 0, 100)]
    [InlineData(3, 30, 60)]
    [InlineData(3, 60, 200)]
    [InlineData(4, 0, 40)]
    [InlineData(0.25, 50, 200)]
    public void A_run_ends_in_its_time_under_a_load_that_comes_and_goes(double factor, double from, double to)
    {
        double Load() => _time.Seconds >= from && _time.Seconds < to ? factor : 1;
        var rates = new List<double>();
        using var run = new LoopRun(_time, seconds: 100, stepsPerEpoch: 10, () => 0.3 * Load());
        run.Clock.ModelMaking = TimeSpan.FromSeconds(1);
        run.Run(validationSeconds: () => 2 * Load(), afterStep: () => rates.Add(run.Loop.StateOf(0).LearningRate));

        Assert.InRange(_time.Seconds + 1, 90, 110);
        Assert.InRange(rates[0], 0, 0.05 * Peak);
        Assert.InRange(rates.Max(), 0.9 * Peak, Peak);
        Assert.InRange(rates[^1], 0, 0.02 * Peak);
        Assert.All(run.Loop.Epochs, epoch => Assert.NotNull(epoch.ValidationAccuracy));
        Assert.Equal(Enumerable.Range(1, run.Loop.Epochs.Count), run.Loop.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(run.Loop.StepsDone, run.Loop.Epochs[^1].Step);
        Assert.False(run.Loop.StoppedEarly);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void There_is_time_for_a_first_validation_at_the_end(double factor)
    {
        // An epoch takes 300 seconds.
        double Load() => _time.Seconds > 30 ? factor : 1;
        using var run = new LoopRun(_time, seconds: 60, stepsPerEpoch: 300, () => Load());
        run.Clock.ExpectValidation(TimeSpan.FromSeconds(10));
        run.Run(validationSeconds: () => 10);
        Assert.InRange(_time.Seconds, 54, 66);
        var epoch = Assert.Single(run.Loop.Epochs);
        Assert.Equal((run.Loop.StepsDone, true), (epoch.Step, epoch.ValidationAccuracy is not null));
    }

    [Fact]
    public void A_time_that_is_shorter_than_a_step_is_one_step()
    {
        using var run = new LoopRun(_time, seconds: 5, stepsPerEpoch: 10, () => 8);
        run.Run();
        Assert.Equal(1, run.Loop.StepsDone);
        Assert.Equal(1, Assert.Single(run.Loop.Epochs).Step);
    }

    [Fact]
    public void The_last_step_is_the_one_that_ends_nearest_to_the_time()
    {
        using var shorter = new LoopRun(new FakeTime(), seconds: 24, stepsPerEpoch: 10, () => 10);
        shorter.Run();
        Assert.Equal(2, shorter.Loop.StepsDone);
        using var longer = new LoopRun(new FakeTime(), seconds: 26, stepsPerEpoch: 10, () => 10);
        longer.Run();
        Assert.Equal(3, longer.Loop.StepsDone);
    }

    [Fact]
    public void Frozen_epochs_and_deferred_weights_go_by_the_time()
    {
        var states = new List<(double Seconds, StepState State)>();
        using var run = new LoopRun(
            _time, seconds: 100, stepsPerEpoch: 10, () => _time.Seconds < 60 ? 0.2 : 1, settings => settings with { Epochs = 4, FrozenEpochs = 1, DeferredReweighting = 0.8 });
        run.Run(afterStep: () => states.Add((_time.Seconds, run.Loop.StateOf(0))));
        Assert.InRange(states.Last(entry => entry.State.BackboneFrozen).Seconds, 24, 26);
        Assert.InRange(states.First(entry => entry.State.WeighsClasses).Seconds, 79, 82);
        Assert.False(states[^1].State.BackboneFrozen);
    }

    [Fact]
    public void What_remains_is_the_time_that_is_left()
    {
        var reports = new List<(double Seconds, TrainingProgress Progress)>();
        using var run = new LoopRun(_time, seconds: 100, stepsPerEpoch: 10, () => _time.Seconds < 50 ? 0.5 : 1);
        run.Run(report: progress => reports.Add((_time.Seconds, progress)));
        Assert.All(reports, entry => Assert.Equal(100 - entry.Seconds, entry.Progress.Remaining.TotalSeconds, 0.5));
        Assert.All(reports, entry => Assert.InRange(entry.Progress.Epochs, entry.Progress.Epoch, 21));

        // 200 steps at the speed of the beginning, and 150 in the end.
        Assert.InRange(reports[0].Progress.Steps, 195, 205);
        Assert.InRange(reports[^1].Progress.Steps, 148, 152);
        Assert.Equal(reports[^1].Progress.Step, reports[^1].Progress.Steps);
        Assert.Equal(reports[^1].Progress.Epoch, reports[^1].Progress.Epochs);
    }

    [Fact]
    public void Reading_the_images_counts_and_is_no_part_of_the_schedule()
    {
        var rates = new List<double>();
        var options = Options(seconds: 60, stepSeconds: 1);
        options.Observers = [new AtReport(progress => rates.Add(progress.LearningRate))];
        IEnumerable<LabelledImage> Slow()
        {
            foreach (var image in FashionImages.Train(classes: 2, perClass: 8))
            {
                _time.Pass(0.25);
                yield return image;
            }
        }

        var images = Training.Images(_mlContext, Slow());
        double began = _time.Seconds;
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
        Assert.InRange(_time.Seconds - began, 54, 66);
        Assert.InRange(model.TrainingHistory.Epochs[^1].Step, 10, 58);
        Assert.InRange(rates[0], 0, 0.1 * options.LearningRate);
        Assert.InRange(rates[^1], 0, 0.02 * options.LearningRate);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(30)]
    public void A_resumed_run_has_the_time_that_was_left_and_goes_on_in_the_schedule(int cancelledAt)
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 16);
        var states = new List<TrainingTime>();
        using var cancellation = new CancellationTokenSource();
        var options = Options(seconds: 60, stepSeconds: 1);
        options.CancellationToken = cancellation.Token;
        options.Observers = [new AtCheckpoint(step =>
        {
            states.Add(new CheckpointFile(_folder).ReadHeader().Time!);
            if (step == cancelledAt)
                cancellation.Cancel();
        })];
        string message = Assert.ThrowsAny<OperationCanceledException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images)).Message;
        Assert.Contains($"cancelled after step {cancelledAt}.", message, StringComparison.Ordinal);
        Assert.Equal(cancelledAt, states[^1].Seconds, 0.01);

        // The time between the two does not count.
        _time.Pass(1000);
        var again = Options(seconds: 60, stepSeconds: 1.5);
        again.Resume = true;
        again.Observers = [new AtCheckpoint(_ => states.Add(new CheckpointFile(_folder).ReadHeader().Time!))];
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(again).Fit(images);
        Assert.InRange(_time.Seconds - 1000, 54, 66);
        Assert.All(states.Zip(states.Skip(1)), pair => Assert.InRange(pair.Second.Progress - pair.First.Progress, 0, 0.03));
        Assert.All(states, state => Assert.InRange(state.Progress, (state.Seconds - 3) / 60, state.Seconds / 60));
        Assert.InRange(states[^1].Progress, 0.96, 1);
        var history = model.TrainingHistory;
        Assert.Equal(Enumerable.Range(1, history.Epochs.Count), history.Epochs.Select(epoch => epoch.Epoch));
        Assert.InRange(history.Epochs[^1].LearningRate, 0, 0.02 * options.LearningRate);
        Assert.Equal(cancelledAt + ((60 - cancelledAt) / 1.5), history.Epochs[^1].Step, 1.0);
    }

    [Fact]
    public void A_run_that_stopped_after_its_last_step_makes_no_other()
    {
        using var first = new LoopRun(_time, seconds: 23, stepsPerEpoch: 10, () => 1);
        first.Run();
        Assert.Equal((23, 3), (first.Loop.StepsDone, first.Loop.Epochs.Count));
        using var second = new LoopRun(_time, seconds: 23, stepsPerEpoch: 10, () => 1);
        second.Loop.Restore(first.Loop.Capture());
        second.Run();
        Assert.Equal((23, 3), (second.Loop.StepsDone, second.Loop.Epochs.Count));
    }

    [Fact]
    public void Another_time_is_another_run_and_damaged_times_are_refused()
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 8);
        _mlContext.MulticlassClassification.Trainers.Sla(Options(seconds: 3, stepSeconds: 1)).Fit(images).Dispose();
        var other = Options(seconds: 4, stepSeconds: 1);
        other.Resume = true;
        Assert.Contains("TrainingTime: 00:00:03 there and 00:00:04 here", Refused<InvalidOperationException>(other), StringComparison.Ordinal);
        other.TrainingTime = null;
        Assert.Contains("TrainingTime: 00:00:03 there and the default here", Refused<InvalidOperationException>(other), StringComparison.Ordinal);

        other.TrainingTime = TimeSpan.FromSeconds(3);
        var file = new CheckpointFile(_folder);
        var (header, state) = (file.ReadHeader(), file.ReadState());
        Assert.InRange(header.Time!.Seconds, 2.5, 3.5);
        foreach (var broken in new[] { null, new TrainingTime(-1, 0), new TrainingTime(1e20, 0), new TrainingTime(1, 2), new TrainingTime(1, -0.1) })
        {
            file.Write(header.Identity, state with { Time = broken }, isFinished: false);
            Assert.Contains(file.Path, Refused<InvalidDataException>(other), StringComparison.Ordinal);
        }

        string Refused<T>(SlaTrainer.Options options)
            where T : Exception => Assert.Throws<T>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images)).Message;
    }

    [Fact]
    public void A_time_that_is_too_short_for_an_epoch_is_a_warning()
    {
        var messages = new LogMessages(_mlContext);
        var images = Training.Images(_mlContext, classes: 2, perClass: 16);
        _mlContext.MulticlassClassification.Trainers.Sla(Options(seconds: 3, stepSeconds: 1)).Fit(images).Dispose();
        Assert.Contains(messages, message => message.Contains("enough for 3 of the 4 steps", StringComparison.Ordinal) && message.Contains("Raise TrainingTime", StringComparison.Ordinal));
        Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(Options(seconds: 0, stepSeconds: 1)));
    }

    [Theory]
    [InlineData(12, SlaObjective.SlaSelfDistillation, true)]
    [InlineData(100, SlaObjective.SlaSelfDistillation, false)]
    [InlineData(12, SlaObjective.Baseline, false)]
    public void A_time_in_which_views_were_seen_seldom_is_said(double seconds, SlaObjective objective, bool isSaid)
    {
        var messages = new LogMessages(_mlContext);
        var options = Options(seconds, stepSeconds: 1);
        options.Objective = objective;
        _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 16)).Dispose();
        Assert.Equal(isSaid, messages.Any(message => message.Contains("times under each of the 4 transformations", StringComparison.Ordinal) && message.Contains("seconds of TrainingTime", StringComparison.Ordinal)));
    }

    private SlaTrainer.Options Options(double seconds, double stepSeconds)
    {
        var options = Training.Options();
        options.Architecture = Architecture.ConvNet(4);
        options.BatchSize = 8;
        options.LearningRateSchedule = LearningRateSchedule.OneCycle;
        options.Augmentations = [new SlowStep(_time, () => stepSeconds)];
        options.CheckpointFolder = _folder;
        options.CheckpointSteps = 1;
        options.TrainingTime = TimeSpan.FromSeconds(seconds);
        options.TimeProvider = _time;
        return options;
    }

    private sealed class AtCheckpoint(Action<long> act) : ITrainingObserver
    {
        public void OnCheckpoint(string path, long stepsDone) => act(stepsDone);
    }

    /// <summary>Acts at each report: they come with each epoch and half-second.</summary>
    private sealed class AtReport(Action<TrainingProgress> act) : ITrainingObserver
    {
        public void OnProgress(TrainingProgress metrics) => act(metrics);

        public void OnEpochEnd(TrainingProgress metrics) => act(metrics);
    }

    /// <summary>A loop on a few random images.</summary>
    private sealed class LoopRun : IDisposable
    {
        private readonly FakeTime _time;
        private readonly StepFixture _fixture;

        public LoopRun(FakeTime time, double seconds, int stepsPerEpoch, Func<double> stepSeconds, Func<TrainingSettings, TrainingSettings>? change = null)
        {
            _time = time;
            Clock = new TrainingClock(TimeSpan.FromSeconds(seconds), time);
            var settings = new TrainingSettings(Epochs: 1, BatchSize: 2, 1, Peak, LearningRateSchedule.OneCycle, 0.9, 0, [new SlowStep(time, stepSeconds)], Seed: 1);
            settings = change?.Invoke(settings) ?? settings;
            int images = 2 * stepsPerEpoch;
            _fixture = new StepFixture(SlaObjective.Sla, classes: 2, depth: 8, StepFixture.RandomImages(new ImageShape(1, 16, 16), images, 2, new Random(1)), settings);
            var rows = new RowSelection(_fixture.Store, [.. Enumerable.Range(0, images)]);
            Loop = new TrainingLoop(_fixture.Network, _fixture.Step, new EpochSampler(rows, settings), settings, Clock);
        }

        public TrainingClock Clock { get; }

        public TrainingLoop Loop { get; }

        public void Run(Func<double>? validationSeconds = null, Action<TrainingProgress>? report = null, Action? afterStep = null)
        {
            Loop.Run(Loop.Steps, validationSeconds is null ? null : Validate, report ?? (_ => { }), afterStep ?? (() => { }), () => { });

            EpochValidation Validate()
            {
                _time.Pass(validationSeconds());
                return new EpochValidation(0.5, 1, null);
            }
        }

        public void Dispose()
        {
            Loop.Dispose();
            _fixture.Dispose();
        }
    }
}
