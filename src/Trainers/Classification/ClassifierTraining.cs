using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Classification;

/// <summary>Trains a classifier by a plan.</summary>
internal sealed class ClassifierTraining : IDisposable
{
    private readonly ClassifierPlan _plan;
    private readonly IChannel _channel;
    private readonly NetworkTraining _training;

    /// <exception cref="InvalidOperationException">The initial model or the pretrained weights belong to another network.</exception>
    public ClassifierTraining(ClassifierPlan plan, IChannel channel)
    {
        (_plan, _channel) = (plan, channel);
        var description = plan.Description;
        if (plan.ArchitectureReason is { } reason)
            TrainerHost.Info(channel, reason);
        _training = new NetworkTraining(plan.Host, NewNetwork(), plan.Objective, description, plan.Sampler, plan.Settings, plan.Device, plan.Clock);
        TrainerHost.WarnOfMirrors(channel, plan.Options.Augmentations, description.Transformations, description.Features.Shape);
        TrainerHost.Info(channel, plan.ToString());
    }

    /// <summary>Number of steps of the whole training.</summary>
    public long Steps => _training.Loop.Steps;

    public long StepsDone => _training.Loop.StepsDone;

    /// <summary>Number of images that are scored before the first step, to estimate the time of a validation.</summary>
    private const int RehearsedImages = 16;

    /// <summary>The model with the current weights.</summary>
    public TrainedModel Model() => new(_plan.Description, _training.Loop.Result());

    /// <summary>Trains to the end, and measures the validation rows after each epoch.</summary>
    public TrainedModel Train()
    {
        var (rows, options) = (_plan.Rows, _plan.Options);
        WarnOfClasses(_plan, _channel);
        if (_plan.Clock is null)
            AdviseOnViews(options.Epochs);
        var training = rows.Validation is not null && options.MeasureTrainingAccuracy ? rows.Training.Spread(rows.Validation.Rows.Length) : null;
        if (_plan.Clock is { } clock)
            Rehearse(clock, measurements: training is null ? 1 : 2);
        var model = Calibrated(Train(rows.Validation is null ? null : Measure, end: null));
        if (_plan.Clock is not null && _training.Loop.StepsDone < _plan.Sampler.StepsPerEpoch)
        {
            TrainerHost.Warn(_channel, $"The time was enough for {_training.Loop.StepsDone} of the {_plan.Sampler.StepsPerEpoch} steps of an epoch: some images "
                + $"were not trained on. Raise TrainingTime, which is {options.TrainingTime}, or take fewer images or a smaller Architecture.");
        }
        else if (_plan.Clock is not null && !_training.Loop.StoppedEarly)
        {
            AdviseOnViews((double)_training.Loop.StepsDone / _plan.Sampler.StepsPerEpoch);
        }

        return model;

        EpochValidation Measure()
        {
            // A cancellation during the measurement would lose the epoch, because a run resumes after complete epochs only.
            var scores = Score(rows.Validation, () => { });
            return new EpochValidation(scores.Accuracy, scores.Loss, training is null ? null : Score(training, () => { }).Accuracy);
        }
    }

    /// <summary>The model with what the validation rows say about its inferences; the same model where there are none, or where the options do not ask for it.</summary>
    /// <param name="model">A model of this training. The network receives its weights.</param>
    public TrainedModel Calibrated(TrainedModel model)
    {
        if (_plan.Rows.Validation is not { } validation || !_plan.Options.Calibration)
            return model;

        // A search that is cancelled still returns its best model.
        _training.Network.SetWeights(model.Weights);
        var calibrations = _plan.Host.Compute(() => Scorer.Calibrate(validation, () => { }));
        TrainerHost.Info(_channel, string.Create(CultureInfo.InvariantCulture, $"temperature {calibrations[0].Temperature:F3} of the probabilities, fitted on {validation.Rows.Length} validation rows"));
        return new TrainedModel(model.Description with { Calibrations = calibrations }, model.Weights);
    }

    /// <summary>Warns of absent and of uneven classes. A search warns once for all its trainings.</summary>
    public static void WarnOfClasses(ClassifierPlan plan, IChannel channel)
    {
        var classes = plan.Description.Labels.Names.Zip(plan.Description.ObjectiveSettings.ClassCounts).ToList();
        if (TrainingAdvice.OnAbsentClasses(classes) is { } absent)
            TrainerHost.Warn(channel, absent);
        if (TrainingAdvice.OnUnevenClasses(plan.Options, classes) is { } uneven)
            TrainerHost.Warn(channel, uneven);
    }

    /// <summary>Trains to a step without measuring.</summary>
    public TrainedModel TrainUntil(long end) => Train(validate: null, end);

    /// <summary>Scores the validation rows with the current weights.</summary>
    public RowScores ScoreValidation() => _plan.Host.Compute(() =>
        _training.Loop.Averaged(() => Score(_plan.Rows.Validation!, _plan.Host.CheckCancellation)));

    /// <summary>Runs the learning-rate range test. The network is unusable afterwards.</summary>
    public LearningRateRange FindLearningRate(double lowest, double highest, int steps) =>
        _training.WithSteps(lossOf => LearningRateRange.Measure(lowest, highest, steps, lossOf));

    /// <summary>Measures the seconds of a step, after a first step that warms up. The network is unusable afterwards.</summary>
    public double MeasureStep(TimeSpan time) => _training.WithSteps(lossOf =>
    {
        double rate = _plan.Options.LearningRate;
        lossOf(0, rate);
        var clock = Stopwatch.StartNew();
        int steps = 0;
        while (steps == 0 || clock.Elapsed < time)
            lossOf(++steps, rate);
        return clock.Elapsed.TotalSeconds / steps;
    });

    public void Dispose() => _training.Dispose();

    private void AdviseOnViews(double epochs)
    {
        if (_plan.Pretrained is null && _plan.InitialModel is null && TrainingAdvice.OnFewViews(_plan.Options, epochs) is { } advice)
            TrainerHost.Info(_channel, advice);
    }

    /// <summary>Does once what comes after the last step, so that there is time for it: a short validation, and the making of the model.</summary>
    /// <param name="clock">The clock that is set.</param>
    /// <param name="measurements">How many measurements a validation has, each of as many rows.</param>
    private void Rehearse(TrainingClock clock, int measurements)
    {
        var began = clock.Elapsed;
        new SlaTransformer(_plan.Host.Environment, Model(), _plan.Inference).Dispose();
        var making = clock.Elapsed - began;
        clock.ModelMaking = making;
        if (_plan.Rows.Validation is not { } validation)
            return;

        var few = validation.Spread(RehearsedImages);
        _plan.Host.Compute(() => Score(few, _plan.Host.CheckCancellation));
        began = clock.Elapsed;
        _plan.Host.Compute(() => Score(few, _plan.Host.CheckCancellation));
        double share = (double)validation.Rows.Length / few.Rows.Length;
        clock.ExpectValidation((clock.Elapsed - began) * (measurements * share));
        if (!_plan.Options.Calibration)
            return;

        began = clock.Elapsed;
        _plan.Host.Compute(() => Scorer.Calibrate(few, _plan.Host.CheckCancellation));
        clock.ModelMaking = making + ((clock.Elapsed - began) * share);
    }

    private TrainedModel Train(Func<EpochValidation>? validate, long? end)
    {
        var history = _training.Run(_plan.Options, _channel, _plan.Identity, _plan.Started(), _plan.Rows.Unreadable, validate, end);
        return new TrainedModel(_plan.Description with { History = history }, _training.Loop.Result());
    }

    private NetworkScorer Scorer => new(_training.Network, _plan.Objective, _training.Views, _training.Loader);

    private RowScores Score(RowSelection rows, Action checkCancellation) => Scorer.Score(rows, _plan.Objective.ReadoutOf(_plan.Inference), checkCancellation);

    private SlaNetwork NewNetwork()
    {
        var network = new SlaNetwork(_plan.Architecture, _plan.Description.Features.Shape, _plan.Objective.Heads, _plan.Host.Seed);
        if (_plan.Pretrained is { } pretrained)
            TrainerHost.Info(_channel, pretrained.LoadInto(network));
        if (_plan.InitialModel is { } initial)
            StartFrom(network, initial.Model);
        return network;
    }

    private void StartFrom(SlaNetwork network, TrainedModel initial)
    {
        var (there, here) = (initial.Description, _plan.Description);
        if (there.Architecture.Name != here.Architecture.Name || there.Features.Shape != here.Features.Shape)
        {
            throw new InvalidOperationException(
                $"The initial model is a {there.Architecture} for images of {there.Features.Shape}, and this trainer makes a {here.Architecture} "
                + $"for {here.Features.Shape}. Set Architecture, Channels, ImageWidth and ImageHeight to those of the model.");
        }

        bool sameHeads = there.Objective == here.Objective
            && there.ObjectiveSettings.ClassificationLoss.CosineScale is null == here.ObjectiveSettings.ClassificationLoss.CosineScale is null
            && there.Labels.Names.SequenceEqual(here.Labels.Names)
            && there.Transformations.Select(t => t.Name).SequenceEqual(here.Transformations.Select(t => t.Name));
        network.SetWeights(initial.Weights, withHeads: sameHeads);
        TrainerHost.Info(_channel, sameHeads ? "training continues from the initial model" : "training starts from the backbone of the initial model, with new heads");
    }
}
