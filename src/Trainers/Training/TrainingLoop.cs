using System.Diagnostics;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Trains a network step by step and epoch by epoch, with validation, reports and checks in between.</summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>Time between reports of progress within an epoch.</summary>
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.5);

    /// <summary>Steps between two readings of the losses. Reading one waits for the device to finish its step, so it is done rarely.</summary>
    private const int LossInterval = 16;

    /// <summary>Number of images whose outputs are checked after the last step.</summary>
    private const int CheckedImages = 32;

    private readonly SlaNetwork _network;
    private readonly TrainingStep _step;
    private readonly Sampler _sampler;
    private readonly TrainingSettings _settings;
    private readonly WeightAverage? _average;

    private long _stepsDone;
    private double _epochLoss;
    private readonly List<EpochMetrics> _epochs = [];
    private readonly Queue<(long Step, double Rate, Tensor Loss)> _unreadLosses = [];
    private Weights? _best;
    private bool _timeIsOver;

    /// <param name="network">The network.</param>
    /// <param name="step">Makes a training step.</param>
    /// <param name="sampler">The images of each step.</param>
    /// <param name="settings">The settings of the run.</param>
    /// <param name="clock">The clock of a run by time; null for one by epochs.</param>
    public TrainingLoop(SlaNetwork network, TrainingStep step, Sampler sampler, TrainingSettings settings, TrainingClock? clock = null)
    {
        _network = network;
        _step = step;
        _sampler = sampler;
        _settings = settings;
        Clock = clock;
        _average = settings.WeightAveraging is { } decay ? new WeightAverage(network, decay) : null;
    }

    /// <summary>The number of steps; where time decides, more than any time has room for.</summary>
    public long Steps => Clock is null ? _sampler.Steps : (long)int.MaxValue * _sampler.StepsPerEpoch;

    public long StepsDone => _stepsDone;

    /// <summary>Whether the loss or a weight became infinite or NaN.</summary>
    public bool HasDiverged { get; private set; }

    /// <summary>The clock of a run by time; null for one by epochs.</summary>
    public TrainingClock? Clock { get; }

    /// <summary>The complete epochs.</summary>
    public IReadOnlyList<EpochMetrics> Epochs => _epochs;

    /// <summary>The epoch whose weights the result has; null if it has those of the last step.</summary>
    public int? BestEpoch => _best is null ? null : Best(_epochs).Epoch;

    public bool StoppedEarly => (Clock is null ? _epochs.Count < _settings.Epochs : !_timeIsOver) && Stops;

    /// <summary>How far the run has come, in words.</summary>
    public string Position => Clock is null ? $"step {_stepsDone} of {Steps}" : $"step {_stepsDone}";

    /// <summary>The settings of a step.</summary>
    /// <param name="step">The step, counted from 0. In a run by time, the settings are those of the step that began last.</param>
    public StepState StateOf(long step) => Clock is not null ? _settings.StateAt(Clock.Progress) : new(
        ScheduleMath.RateAt(_settings.Schedule, _settings.LearningRate, _settings.Progress(step, Steps)),
        BackboneFrozen: EpochOf(step) <= _settings.FrozenEpochs,
        WeighsClasses: step >= (long)Math.Round((_settings.DeferredReweighting ?? 0) * Steps));

    /// <summary>Runs the remaining steps, or some of them.</summary>
    /// <param name="end">The step to stop after, counted from the beginning of the run; <see cref="Steps"/> at most.</param>
    /// <param name="validate">Measures the network on the validation rows; null without validation rows.</param>
    /// <param name="report">Receives the progress, at least at the end of each epoch.</param>
    /// <param name="afterStep">Called after each step; after the last step of an epoch, when the epoch is complete.</param>
    /// <param name="checkCancellation">Called between steps; throws to stop the run.</param>
    /// <exception cref="InvalidOperationException">The loss became infinite or NaN, or an image cannot be read any more.</exception>
    public void Run(long end, Func<EpochValidation>? validate, Action<TrainingProgress> report, Action afterStep, Action checkCancellation)
    {
        long firstStep = _stepsDone;
        var clock = Stopwatch.StartNew();
        var training = new Stopwatch();
        TimeSpan lastReport = TimeSpan.Zero;
        while (_stepsDone < end && !Stops && !_timeIsOver)
        {
            int epoch = EpochOf(_stepsDone);
            int batch = (int)(_stepsDone % _sampler.StepsPerEpoch);
            int epochBatches = (int)Math.Min(_sampler.StepsPerEpoch, Steps - _stepsDone + batch);
            int batches = (int)Math.Min(epochBatches, end - _stepsDone + batch);
            using var images = _sampler.Store.Open(_sampler.Rows(epoch)[(batch * _sampler.BatchSize)..(batches * _sampler.BatchSize)]);
            for (; batch < batches && !_timeIsOver; batch++)
            {
                checkCancellation();
                training.Start();
                Clock?.BeginStep();
                var state = StateOf(_stepsDone);
                Tensor loss = _step.Run(images, _sampler.BatchSize, state, Seeds.ForStep(_settings.Seed, _stepsDone));
                _unreadLosses.Enqueue((++_stepsDone, state.LearningRate, loss));
                _average?.Update(_stepsDone);
                Clock?.EndStep();
                _timeIsOver = Clock?.IsOver ?? false;
                bool isEpochEnd = batch == epochBatches - 1 || _timeIsOver;
                bool isReported = isEpochEnd || clock.Elapsed - lastReport >= ReportInterval;
                if (isReported || _unreadLosses.Count == LossInterval)
                    ReadLosses();
                training.Stop();

                double meanLoss = _epochLoss / (batch + 1);
                if (isEpochEnd)
                    EndEpoch(new EpochMetrics { Epoch = epoch, Step = _stepsDone, Loss = meanLoss, LearningRate = state.LearningRate }, validate);
                if (isReported)
                {
                    lastReport = clock.Elapsed;
                    report(WithTime(new TrainingProgress
                    {
                        Epoch = epoch,
                        Epochs = _settings.Epochs,
                        Step = _stepsDone,
                        Steps = Steps,
                        Loss = meanLoss,
                        LearningRate = state.LearningRate,
                        ImagesPerSecond = (_stepsDone - firstStep) * _sampler.BatchSize / training.Elapsed.TotalSeconds,
                        Elapsed = clock.Elapsed,
                        IsEpochEnd = isEpochEnd,
                        ValidationAccuracy = isEpochEnd ? _epochs[^1].ValidationAccuracy : null,
                        ValidationLoss = isEpochEnd ? _epochs[^1].ValidationLoss : null,
                        TrainingAccuracy = isEpochEnd ? _epochs[^1].TrainingAccuracy : null,
                        FirstStep = firstStep,
                    }));
                }

                afterStep();
            }
        }

        // The weights of the best epoch were checked when they were measured.
        bool isComplete = Clock is null ? _stepsDone == Steps && firstStep < Steps : _timeIsOver;
        if (isComplete && _best is null)
            CheckOutputs();
    }

    /// <summary>The resulting weights: by the settings those of the best epoch, the averages, or those of the last step.</summary>
    /// <exception cref="InvalidOperationException">A weight became infinite or NaN.</exception>
    public Weights Result() => Finite(_best ?? Averaged(_network.GetWeights));

    /// <summary>Runs a function while the network has the averaged weights, if there is an average.</summary>
    public T Averaged<T>(Func<T> function)
    {
        _average?.Swap();
        try
        {
            return function();
        }
        finally
        {
            _average?.Swap();
        }
    }

    /// <summary>The state that <see cref="Restore"/> needs to continue as if the run had not been interrupted.</summary>
    /// <exception cref="InvalidOperationException">The loss or a weight became infinite or NaN.</exception>
    public TrainingState Capture()
    {
        ReadLosses();
        var average = _average is null ? null : Finite(Averaged(_network.GetWeights));
        return new TrainingState(
            _stepsDone, _epochLoss, [.. _epochs], Finite(_network.GetWeights()), Finite(Weights.Of(_step.Optimizer.Momenta())), average, _best)
        {
            Time = Clock?.Capture(),
        };
    }

    /// <summary>Restores a captured state.</summary>
    /// <exception cref="InvalidDataException">The state belongs to another network or run.</exception>
    public void Restore(TrainingState state)
    {
        if (state.Step < 0 || state.Step > Steps)
            throw new InvalidDataException($"The checkpoint is of step {state.Step}, and the run has {Steps}.");

        if (Clock is not null)
        {
            Clock.Restore(state.Time ?? throw new InvalidDataException("The checkpoint does not say how much time is over."));

            // Only the end of the time ends an epoch before its last step.
            _timeIsOver = state.Epochs.Count > 0 && state.Epochs[^1].Step % _sampler.StepsPerEpoch != 0;
        }

        // Checked now, because the network receives these weights only when the run ends.
        state.Best?.Check(_network.FloatTensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Value.shape));
        _stepsDone = state.Step;
        _epochLoss = state.EpochLoss;
        _epochs.AddRange(state.Epochs);
        _best = state.Best;
        if (_average is not null && state.Average is not null)
        {
            _network.SetWeights(state.Average);
            _average.Swap();
        }

        _network.SetWeights(state.Network);
        _step.Optimizer.SetMomenta(state.Momenta);
    }

    public void Dispose()
    {
        _average?.Dispose();
        foreach (var (_, _, loss) in _unreadLosses)
            loss.Dispose();
    }

    private int EpochOf(long step) => (int)(step / _sampler.StepsPerEpoch) + 1;

    /// <summary>Where time decides, epochs and steps of a run are those that fit at the speed so far.</summary>
    private TrainingProgress WithTime(TrainingProgress progress)
    {
        if (Clock is null)
            return progress;
        long steps = _stepsDone + (_timeIsOver ? 0 : Math.Max(1, Clock.StepsLeft));
        return progress with { Steps = steps, Epochs = (int)((steps - 1) / _sampler.StepsPerEpoch) + 1, Remaining = Clock.Left };
    }

    private bool Stops => _settings.EarlyStopping?.Stops(_epochs) ?? false;

    private void EndEpoch(EpochMetrics epoch, Func<EpochValidation>? validate)
    {
        _epochLoss = 0;
        if (validate is not null)
        {
            var (accuracy, loss, trainingAccuracy) = Clock is null ? Averaged(validate) : Clock.Validate(() => Averaged(validate));
            _timeIsOver |= Clock?.IsOver ?? false;
            if (double.IsNaN(loss))
                throw Diverged("The validation loss became NaN", epoch.Step, epoch.LearningRate);
            epoch = epoch with { ValidationAccuracy = accuracy, ValidationLoss = loss, TrainingAccuracy = trainingAccuracy };
        }

        _epochs.Add(epoch);
        if (validate is not null && _settings.KeepBest && Best(_epochs) == epoch)
            _best = Finite(Averaged(_network.GetWeights));
    }

    /// <summary>The epoch with the highest accuracy. The lower loss decides a tie, then the later epoch.</summary>
    private static EpochMetrics Best(IEnumerable<EpochMetrics> epochs) =>
        epochs.OrderBy(epoch => epoch.ValidationAccuracy).ThenByDescending(epoch => epoch.ValidationLoss).ThenBy(epoch => epoch.Epoch).Last();

    private void ReadLosses()
    {
        while (_unreadLosses.TryDequeue(out var unread))
        {
            using Tensor loss = unread.Loss;
            double value = loss.item<double>();
            if (!double.IsFinite(value))
                throw Diverged($"The loss became {value}", unread.Step, unread.Rate);

            _epochLoss += value;
        }
    }

    /// <summary>Refuses infinite and NaN weights. A loss is computed before its update, so no loss shows the effect of the last update.</summary>
    private Weights Finite(Weights weights) => weights.FirstNotFinite() is { } broken
        ? throw Diverged($"The weights '{broken}' are no longer numbers", _stepsDone, RateOfLastStep)
        : weights;

    /// <summary>Checks the outputs after the last update, which no loss shows.</summary>
    private void CheckOutputs()
    {
        int[] rows = [.. _sampler.Rows(1).Take(CheckedImages)];
        using var images = _sampler.Store.Open(rows);
        if (!Averaged(() => _step.GivesNumbers(images, rows.Length)))
            throw Diverged("The network's outputs are no longer numbers", _stepsDone, RateOfLastStep);
    }

    private double RateOfLastStep => StateOf(_stepsDone - 1).LearningRate;

    private InvalidOperationException Diverged(string what, long step, double rate)
    {
        HasDiverged = true;
        return new InvalidOperationException($"{what} at step {step} (epoch {EpochOf(step - 1)}{(Clock is null ? $" of {_settings.Epochs}" : "")}), when the learning rate was {rate}. "
            + $"Lower LearningRate, which is {_settings.LearningRate}, by a factor of 3 to 10, or set GradientClipping to 1.");
    }
}
