using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Classification;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// Trains trials, interval by interval, from checkpoint to checkpoint. A trial with a frozen backbone has one interval, its whole training.
/// </summary>
/// <param name="environment">ML.NET's environment.</param>
/// <param name="channel">The log.</param>
/// <param name="space">Makes options of configurations.</param>
/// <param name="rows">The rows.</param>
/// <param name="pretrained">The weights to start from; null for none.</param>
/// <param name="folder">The folder of the checkpoints.</param>
internal sealed class TrialRunner(
    IHostEnvironment environment, IChannel channel, ConfigurationSpace space, SearchRows rows, PretrainedWeights? pretrained, SearchFolder folder)
{
    /// <summary>Length of a training with a frozen backbone.</summary>
    private const int FrozenEpochs = 1, FrozenSteps = 1;

    private const string AllRows = "all-rows";

    /// <summary>
    /// Share of the training's steps over which weights are averaged. While the learning rate is high, a network without averaging differs
    /// more from step to step than from configuration to configuration.
    /// </summary>
    private const double AveragedShare = 0.02;

    private const int FewestAveragedSteps = 5;

    private readonly Dictionary<string, double> _stepSeconds = [];

    /// <summary>Trains the trials with a frozen backbone.</summary>
    public FrozenTrials Frozen { get; } = new(environment, channel, space, rows, pretrained, folder);

    public int ValidationRows { get; } = rows.Of(space.Options(space.Default)).Trainings.Sum(training => training.Validation!.Rows.Length);

    /// <summary>The entries that identify a training of a configuration, except its number of epochs.</summary>
    public IReadOnlyDictionary<string, string> Identity(Configuration configuration) =>
        Plan(configuration).Identity.Entries;

    /// <summary>Warns of uneven classes once for all trials.</summary>
    public void WarnOfClasses(Configuration configuration) =>
        ClassifierTraining.WarnOfClasses(Plan(configuration), channel);

    /// <summary>Number of steps in an epoch of a configuration's training.</summary>
    public int StepsPerEpoch(Configuration configuration) => EpochSampler.StepsIn(Rows(configuration).Trainings[0].Training.Rows.Length, space.Options(configuration).BatchSize);

    /// <summary>Number of steps in an epoch of the winner's last training, if that does not continue a trial's training.</summary>
    public int LastStepsPerEpoch(Configuration configuration) => EpochSampler.StepsIn(Rows(configuration).Last.Training.Rows.Length, BatchSize(configuration));

    /// <summary>Whether the winner's last training has other rows than a trial's training.</summary>
    public bool LastHasOtherRows => rows.LastHasOtherRows;

    /// <summary>Number of images of a trial's first training, of the winner's last training, and of all.</summary>
    public (int Training, int Last, int All) Images(Configuration configuration)
    {
        var (trainings, last) = Rows(configuration);
        int training = trainings[0].Training.Rows.Length;
        return (training, last.Training.Rows.Length, training + trainings[0].Validation!.Rows.Length);
    }

    /// <summary>Seconds that a step of a configuration takes. Configurations whose steps cost the same are measured once.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="time">Time to spend on the measurement.</param>
    /// <param name="cancellationToken">Ends the measurement.</param>
    /// <param name="isAgain">Whether to measure even if a measurement exists, because the machine may have become slower.</param>
    public double StepSeconds(Configuration configuration, TimeSpan time, CancellationToken cancellationToken, bool isAgain = false)
    {
        var options = Options(configuration, epochs: 1);
        options.CancellationToken = cancellationToken;
        string cost = FormattableString.Invariant($"{options.Architecture}, {space.ShapeOf(options)}, {options.Objective}, {options.ViewsPerStep}, {options.BatchSize}, {string.Join(", ", options.Augmentations)}");
        if (isAgain || !_stepSeconds.TryGetValue(cost, out double seconds))
            _stepSeconds[cost] = seconds = WithTraining(Plan(options, Rows(configuration).Trainings[0]), training => training.MeasureStep(time));
        return seconds;
    }

    /// <summary>Seconds that a configuration's training takes besides its steps: for set-up and measurement.</summary>
    public double OverheadSeconds(Configuration configuration, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var options = Options(configuration, epochs: 1);
        options.CancellationToken = cancellationToken;
        WithTraining(Plan(options, Rows(configuration).Trainings[0]), training => training.ScoreValidation());
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>A text of everything that the latency of a configuration depends on.</summary>
    public string LatencyKey(Configuration configuration)
    {
        var options = space.Options(configuration);
        return $"{options.Architecture}, {space.ShapeOf(options)}, {options.Objective}, {space.Views(configuration)}";
    }

    /// <summary>Seconds that a model of a configuration takes to score an image on one thread: the median of several measurements.</summary>
    public double Latency(Configuration configuration)
    {
        const int WarmUps = 3, Runs = 21;
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var scorer = new InferenceSession(UntrainedGraph(configuration), options);
        float[] pixels = new float[Rows(configuration).Last.Features.Shape.Length];
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [1, pixels.Length]);
        using var run = new RunOptions();
        var seconds = new List<double>();
        for (int i = 0; i < WarmUps + Runs; i++)
        {
            var clock = Stopwatch.StartNew();
            using var outputs = scorer.Run(run, [FeatureColumn.PixelColumn], [input], scorer.OutputNames);
            seconds.Add(clock.Elapsed.TotalSeconds);
        }

        return seconds.Skip(WarmUps).Order().ElementAt(Runs / 2);
    }

    /// <summary>Continues each training of a trial from its checkpoint up to a share of its steps, and scores its validation rows.</summary>
    /// <param name="plan">The trial.</param>
    /// <param name="configuration">The trial's configuration.</param>
    /// <param name="fraction">The share, above 0 to 1.</param>
    /// <param name="cancellationToken">Ends the training after a step, with a checkpoint.</param>
    /// <exception cref="InvalidOperationException">The loss became infinite or NaN, or memory runs out.</exception>
    public (long Steps, IReadOnlyList<RowScores> Scores) Run(PlannedTrial plan, Configuration configuration, double fraction, CancellationToken cancellationToken)
    {
        if (space.IsFrozen(configuration))
            return (FrozenSteps, Frozen.Run(configuration, cancellationToken));

        long end = Math.Max(1, (long)Math.Round(fraction * plan.Steps));
        var scores = new List<RowScores>();
        foreach (var (fold, trainingRows) in Rows(configuration).Trainings.Index())
        {
            var options = Options(configuration, plan.Epochs, plan.Steps);
            options.CheckpointFolder = CheckpointFolder(plan, fold);
            options.CancellationToken = cancellationToken;
            scores.Add(WithTraining(Plan(options, trainingRows), training =>
            {
                training.TrainUntil(end);
                return training.ScoreValidation();
            }));
        }

        CheckNumbers(configuration, end, scores);
        return (end, scores);
    }

    /// <summary>Finishes the winner's training.</summary>
    /// <param name="plan">The trial.</param>
    /// <param name="configuration">The trial's configuration.</param>
    /// <param name="end">The plan of the last training.</param>
    /// <param name="cancellationToken">Ends the training after a step, with a checkpoint.</param>
    /// <param name="mostSteps">The training stops at this step at the latest. Default: no limit.</param>
    public void Finish(PlannedTrial plan, Configuration configuration, PlannedEnd end, CancellationToken cancellationToken, long mostSteps = long.MaxValue)
    {
        var options = FinalOptions(plan, configuration, end);
        options.CancellationToken = cancellationToken;
        var begun = end.Tail is not null && FinalStepsDone(plan) == 0 ? StateOf(plan, configuration) : null;
        var training = Plan(options, Rows(configuration).Last, end.Tail);
        if (begun is not null)
            new CheckpointFile(options.CheckpointFolder!).Write(training.Identity, begun, isFinished: false);
        WithTraining(training, running => running.TrainUntil(Math.Min(running.Steps, mostSteps)));
    }

    /// <summary>Loads the winner's model so far, its number of steps, and its scores of the validation rows if it did not train on them.</summary>
    /// <param name="plan">The trial.</param>
    /// <param name="configuration">The trial's configuration.</param>
    /// <param name="end">The plan of the last training; null if the trial has not reached it.</param>
    /// <param name="isScored">Whether to score the validation rows.</param>
    /// <param name="cancellationToken">Ends the last training of a trial with a frozen backbone, whose heads are trained here.</param>
    /// <exception cref="InvalidOperationException">The scores are infinite or NaN.</exception>
    public (SlaTransformer Model, long Steps, RowScores? Scores) Load(
        PlannedTrial plan, Configuration configuration, PlannedEnd? end, bool isScored, CancellationToken cancellationToken = default)
    {
        if (space.IsFrozen(configuration))
        {
            var (model, scoresOfHeads) = end is null ? (Frozen.Load(configuration), null) : Frozen.Finish(configuration, cancellationToken);
            return (model, FrozenSteps, scoresOfHeads);
        }

        var (trainings, last) = Rows(configuration);
        var options = end is null ? Options(configuration, plan.Epochs, plan.Steps) : FinalOptions(plan, configuration, end);
        options.CheckpointFolder ??= CheckpointFolder(plan, 0);
        var planned = Plan(options, end is null ? trainings[0] : last, end?.Tail);
        return WithTraining(planned, training =>
        {
            var trained = training.TrainUntil(0);
            var scores = isScored && last.Validation is not null ? training.ScoreValidation() : null;
            CheckNumbers(configuration, training.StepsDone, scores is null ? [] : [scores]);
            if (!trained.Weights.All(tensor => tensor.Values.All(float.IsFinite)))
                throw NoNumbers(configuration, training.StepsDone);
            return (new SlaTransformer(environment, training.Calibrated(trained), planned.Inference), training.StepsDone, scores);
        });
    }

    /// <summary>Whether there is a model of a trial, complete or not.</summary>
    public bool HasModel(Candidate trial) => space.IsFrozen(trial.Configuration)
        ? trial.PublicTrial.Last is not null
        : StepsDone(trial.Plan!) > 0 || FinalStepsDone(trial.Plan!) > 0;

    /// <summary>Whether a trial's training is divided into steps. It is not with a frozen backbone.</summary>
    public bool HasSteps(Configuration configuration) => !space.IsFrozen(configuration);

    /// <summary>The plan of a training that is not divided into steps.</summary>
    public static PlannedTrial PlanWithoutSteps(int number, Configuration configuration) => new(number, configuration.Values, FrozenEpochs, FrozenSteps);

    /// <summary>Number of steps in a trial's checkpoint; 0 if there is none.</summary>
    public long StepsDone(PlannedTrial plan) => StepsIn(CheckpointFolder(plan, 0));

    /// <summary>Number of steps of the winner's last training. If that continues the trial's training, the trial's steps count as well.</summary>
    public long FinalStepsDone(PlannedTrial plan) => StepsIn(FinalFolder(plan));

    /// <summary>The options of a whole training of a configuration.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="epochs">Number of epochs.</param>
    /// <param name="steps">Number of steps, on which the averaging of the weights depends.</param>
    public SlaTrainer.Options Options(Configuration configuration, int epochs, long steps = 0)
    {
        var options = space.Options(configuration);
        options.Epochs = epochs;
        options.KeepBest = false;
        options.LearningRateSchedule = RecommendedOptions.Schedule;
        options.WeightAveraging ??= 1 - (1 / Math.Max(FewestAveragedSteps, AveragedShare * steps));
        return options;
    }

    private void CheckNumbers(Configuration configuration, long steps, IEnumerable<RowScores> scores)
    {
        if (!scores.All(score => double.IsFinite(score.Loss)))
            throw NoNumbers(configuration, steps);
    }

    private InvalidOperationException NoNumbers(Configuration configuration, long steps) => new(FormattableString.Invariant(
        $"The network's outputs are no longer numbers after {steps} steps. Lower LearningRate, which is {space.Options(configuration).LearningRate}."));

    /// <summary>Images in a step of a trial.</summary>
    private int BatchSize(Configuration configuration) => Math.Min(space.Options(configuration).BatchSize, Rows(configuration).Trainings[0].Training.Rows.Length);

    /// <summary>Reads the state of a trial's training, and checks that it belongs to the trial's options.</summary>
    private TrainingState StateOf(PlannedTrial plan, Configuration configuration)
    {
        var options = Options(configuration, plan.Epochs, plan.Steps);
        options.CheckpointFolder = CheckpointFolder(plan, 0);
        WithTraining(Plan(options, Rows(configuration).Trainings[0]), training => training.TrainUntil(0));
        return new CheckpointFile(options.CheckpointFolder).ReadState();
    }

    private SlaTrainer.Options FinalOptions(PlannedTrial plan, Configuration configuration, PlannedEnd end)
    {
        var options = Options(configuration, end.Epochs, plan.Steps);
        options.CheckpointFolder = FinalFolder(plan);

        // With more rows, Auto could choose another network, and a step could have a larger batch than was measured.
        if (LastHasOtherRows)
        {
            options.Architecture = Plan(configuration).Architecture;
            options.BatchSize = BatchSize(configuration);
        }

        return options;
    }

    private static long StepsIn(string checkpointFolder) => new CheckpointFile(checkpointFolder) is { Exists: true } file ? file.ReadHeader().Step : 0;

    private string FinalFolder(PlannedTrial plan) => LastHasOtherRows ? folder.CheckpointFolder(plan.Number, AllRows) : CheckpointFolder(plan, 0);

    private string CheckpointFolder(PlannedTrial plan, int fold) => folder.CheckpointFolder(plan.Number, rows.HasFolds ? $"fold-{fold + 1}" : "training");

    private TrialRows Rows(Configuration configuration) => rows.Of(space.Options(configuration));

    /// <summary>Plans a training of an epoch on the rows of a trial's first training.</summary>
    private ClassifierPlan Plan(Configuration configuration) => Plan(Options(configuration, epochs: 1), Rows(configuration).Trainings[0]);

    /// <summary>Plans a training. It resumes from the checkpoint if there is one.</summary>
    private ClassifierPlan Plan(SlaTrainer.Options options, TrainingRows trainingRows, ScheduleTail? tail = null)
    {
        options.Resume = options.CheckpointFolder is not null;
        return new SlaTrainer(environment, options).Plan(trainingRows, pretrained, tail: tail);
    }

    private byte[] UntrainedGraph(Configuration configuration)
    {
        if (space.IsFrozen(configuration))
            return Frozen.UntrainedGraph(configuration);
        var plan = Plan(configuration);
        return WithTraining(plan, training => training.Model().ToOnnx(plan.Inference));
    }

    private T WithTraining<T>(ClassifierPlan plan, Func<ClassifierTraining, T> function)
    {
        // The scope frees the tensors that a trial leaves earlier than the garbage collector would.
        using var scope = NewDisposeScope();
        using var training = new ClassifierTraining(plan, channel);
        return function(training);
    }
}
