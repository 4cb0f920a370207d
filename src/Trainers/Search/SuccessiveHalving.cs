using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// A search: the defaults under each set of transformations first, then configurations drawn around the defaults and the best other set; at
/// each rung a third goes on, the best of both sets in turn, and the best of all is trained to the end of its schedule.
/// </summary>
internal sealed class SuccessiveHalving
{
    private const int MostDraws = 1000;

    /// <summary>Steps before the first comparison. Networks that have hardly learnt are ranked by how easy their task is.</summary>
    private const int FewestSteps = 50;

    /// <summary>Number of transformation sets that configurations are drawn around, and promoted of.</summary>
    private const int BestSets = 2;

    /// <summary>Share of the search's time, or of the winner's training, that measurements take.</summary>
    private const double MeasuredShare = 0.005;

    /// <summary>Share of the time that is planned for: the rest is for what nobody reckons with.</summary>
    private const double PlannedShare = 0.98;

    /// <summary>Share of the winner's training that trials leave it in any case.</summary>
    private const double KeptShare = 0.5;

    private readonly SearchSettings _settings;
    private readonly ConfigurationSpace _space;
    private readonly TrialRunner _runner;
    private readonly SearchFolder _folder;
    private readonly ISlaExperimentMonitor _monitor;
    private readonly IChannel _channel;
    private readonly SearchClock _clock;
    private readonly CancellationToken _cancellation;
    private readonly List<Candidate> _trials = [];
    private readonly Dictionary<int, (Candidate Trial, bool[] IsRight)> _bestOfRung = [];
    private SearchPlan _plan;
    private Candidate? _leader;
    private double _overhead;
    private double _finalBegan;

    /// <param name="settings">What is asked for.</param>
    /// <param name="space">Makes configurations.</param>
    /// <param name="runner">Trains trials.</param>
    /// <param name="folder">Where the search is recorded.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    /// <param name="identity">What makes two searches the same one.</param>
    /// <param name="monitor">Hears of trials.</param>
    /// <param name="channel">The log.</param>
    /// <param name="clock">The time of the search.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="InvalidOperationException">The folder has another search.</exception>
    public SuccessiveHalving(
        SearchSettings settings,
        ConfigurationSpace space,
        TrialRunner runner,
        SearchFolder folder,
        int folds,
        RunIdentity identity,
        ISlaExperimentMonitor monitor,
        IChannel channel,
        SearchClock clock,
        CancellationToken cancellation)
    {
        (_settings, _space, _runner, _folder, _monitor, _channel, _clock, _cancellation) = (settings, space, runner, folder, monitor, channel, clock, cancellation);
        if (folder.Plan is null)
            folder.Save(NewPlan(folds, identity));
        _plan = folder.Plan!;
    }

    /// <summary>Searches, or goes on with it.</summary>
    /// <returns>The best trial, its model, and whether the search came to its end.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled before there was anything to return.</exception>
    /// <exception cref="InvalidOperationException">All trials are broken.</exception>
    public SlaExperimentResult Run()
    {
        TrainerHost.Info(_channel, FormattableString.Invariant($"{_plan.Ladder.Trials} trials, compared at {string.Join(", ", _plan.Ladder.Fractions.Select(fraction => $"{fraction:P1}"))} of their training"));
        try
        {
            Explore();
        }
        catch (OperationCanceledException) when (!_cancellation.IsCancellationRequested)
        {
            TrainerHost.Warn(_channel, "Trials took longer than was reckoned: the best one so far is trained to its end.");
        }
        catch (OperationCanceledException) when (Leaders().Any())
        {
            return Result(Leaders().First(), end: null);
        }

        return Finish();
    }

    /// <summary>Trials that have a training to go on with: those that came farthest first, and the better ones of those.</summary>
    private IEnumerable<Candidate> Leaders() => _trials
        .Where(trial => trial.IsAlive && trial.Plan is not null && (_plan.Ladder.Fractions.Count == 0 || _runner.HasCheckpoint(trial.Plan)))
        .GroupBy(trial => trial.Shown.Intervals.Count)
        .OrderByDescending(rung => rung.Key)
        .SelectMany(rung => rung.Key == 0 ? rung : Ranking.BestFirst(rung, trial => trial.Result, _settings));

    private SearchPlan NewPlan(int folds, RunIdentity identity)
    {
        int mostTrials = _settings.MostTrials ?? int.MaxValue;
        if (_settings.Time is not { } time)
            return new SearchPlan(identity.Entries, Ladder.ForTrials(mostTrials, folds), TrainingSeconds: null, [], Final: null);

        double step = _runner.StepSeconds(_space.Default, MeasuredShare * time, _cancellation);
        double overhead = _overhead = _runner.OverheadSeconds(_space.Default);
        double left = (PlannedShare * time.TotalSeconds) - _clock.Elapsed;
        int fewestSteps = Math.Max(FewestSteps, _runner.StepsPerEpoch(_space.Default));
        var ladder = Ladder.ForTime(ladder => TrainingSeconds(ladder) * ladder.Fractions[0] >= fewestSteps * step, mostTrials, folds);
        return new SearchPlan(identity.Entries, ladder, Math.Max(step, TrainingSeconds(ladder)), [], Final: null);

        double TrainingSeconds(Ladder ladder) => (left - (ladder.Intervals * overhead)) / ladder.Cost;
    }

    private void Explore()
    {
        var ladder = _plan.Ladder;
        using var deadline = Deadline(_settings.Time is { } time ? (PlannedShare * time.TotalSeconds) - (KeptShare * _plan.TrainingSeconds!.Value) : null);
        if (ladder.Fractions.Count == 0)
        {
            Begin(_space.Default, deadline.Token);
            return;
        }

        int sets = Math.Max(0, ladder.Trials - 1 - (ladder.Trials / 3));
        foreach (var configuration in _space.ByTransformations().Take(sets).Prepend(_space.Default))
            Interval(Begin(configuration, deadline.Token), rung: 0, deadline.Token);
        var others = Leaders().Where(trial => Views(trial) != _space.Views(_space.Default)).Select(trial => trial.Configuration);
        foreach (var configuration in Drawn([_space.Default, .. others.Take(BestSets - 1)]))
            Interval(Begin(configuration, deadline.Token), rung: 0, deadline.Token);

        for (int rung = 1; rung < ladder.Fractions.Count; rung++)
        {
            Promote(ladder.TrialsAt(rung));
            foreach (var trial in Leaders().ToList())
                Interval(trial, rung, deadline.Token);
        }
    }

    /// <summary>New configurations around some, in turn, until there are as many trials as planned.</summary>
    private IEnumerable<Configuration> Drawn(Configuration[] bases)
    {
        var random = new Random(_settings.Given.Seed!.Value);
        for (int draw = 0; draw < MostDraws && _trials.Count < _plan.Ladder.Trials; draw++)
        {
            var configuration = _space.Draw(random, bases[_trials.Count % bases.Length]);
            bool isNew = _trials.TrueForAll(trial => $"{trial.Configuration}" != $"{configuration}");
            if (isNew && _space.Objection(configuration) is null)
                yield return configuration;
        }
    }

    /// <summary>Keeps the best trials, and deletes the checkpoints of the others.</summary>
    /// <remarks>
    /// Trials are compared with those of the same views, and of two sets of views: the defaults', which would be learned from without a search,
    /// and the best others. What learns more labels is behind at first and comes out ahead late, so that views are compared with other views at
    /// the last rung only.
    /// </remarks>
    private void Promote(int count)
    {
        var leaders = Leaders().ToList();
        var promoted = leaders
            .GroupBy(Views)
            .OrderByDescending(family => family.Key == _space.Views(_space.Default))
            .Take(BestSets)
            .SelectMany(family => family.Index())
            .OrderBy(place => place.Index)
            .ThenBy(place => leaders.IndexOf(place.Item))
            .Select(place => place.Item)
            .Take(count);
        foreach (var trial in leaders.Except(promoted))
        {
            trial.IsAlive = false;
            _folder.DeleteCheckpoints(trial.Shown.Number);
        }
    }

    private string Views(Candidate trial) => _space.Views(trial.Configuration);

    /// <summary>Begins a trial: plans its whole training so that it takes the time of the winner's.</summary>
    private Candidate Begin(Configuration configuration, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        int number = _trials.Count + 1;
        var trial = new Candidate(configuration, new SlaTrial(number, configuration.Values, _settings.Given.Seed!.Value));
        _trials.Add(trial);
        try
        {
            trial.Plan = _plan.Trials.FirstOrDefault(plan => plan.Number == number) ?? Planned(number, configuration, cancellationToken);
            (trial.Shown.Epochs, trial.Shown.Steps) = (trial.Plan.Epochs, trial.Plan.Steps);
            if (_settings.LatencyCeiling is { } ceiling && trial.Plan.Latency > ceiling.TotalSeconds)
                throw new InvalidOperationException(FormattableString.Invariant($"A prediction takes {1000 * trial.Plan.Latency:F2} ms, more than the ceiling of {ceiling.TotalMilliseconds:F2} ms."));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Break(trial, rung: 0, exception);
        }

        return trial;
    }

    private PlannedTrial Planned(int number, Configuration configuration, CancellationToken cancellationToken)
    {
        int stepsPerEpoch = _runner.StepsPerEpoch(configuration);
        int epochs = _space.Options(configuration).Epochs;
        if (_plan.TrainingSeconds is { } seconds)
        {
            double step = _runner.StepSeconds(configuration, TimeSpan.FromSeconds(MeasuredShare * seconds), cancellationToken);
            epochs = Math.Max(1, (int)(seconds / (step * stepsPerEpoch)));
        }

        double? latency = _settings.LatencyCeiling is null ? null : _runner.Latency(configuration);
        var planned = new PlannedTrial(number, epochs, (long)epochs * stepsPerEpoch, latency);
        Save(_plan with { Trials = [.. _plan.Trials, planned] });
        return planned;
    }

    /// <summary>Trains a trial to a rung, or takes from the record what came of it.</summary>
    private void Interval(Candidate trial, int rung, CancellationToken cancellationToken)
    {
        if (!trial.IsAlive)
            return;
        if (RecordOf(trial, rung) is { } record)
        {
            TakeUp(trial, record);
            return;
        }

        _monitor.ReportRunningTrial(trial.Shown);
        try
        {
            double began = _clock.Elapsed;
            var (steps, scores) = _runner.Run(trial.Plan!, trial.Configuration, _plan.Ladder.Fractions[rung], cancellationToken);
            Complete(trial, rung, steps, scores, began);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Break(trial, rung, exception);
        }
    }

    private void TakeUp(Candidate trial, TrialRecord record)
    {
        if (record.Interval is null)
            Break(trial, record.Failure!);
        else
            Add(trial, record.Interval, record.IsRight(_runner.ValidationRows));
    }

    private void Complete(Candidate trial, int rung, long steps, IReadOnlyList<RowScores> scores, double began)
    {
        bool[] isRight = [.. scores.SelectMany(fold => fold.IsRight)];
        var against = _bestOfRung.TryGetValue(rung, out var best) ? SlaPairedComparison.Of(isRight, best.Trial.Shown.Number, best.IsRight) : null;
        double elapsed = _clock.Elapsed;
        var interval = new SlaTrialInterval(
            rung, steps, elapsed - began, elapsed, scores.Average(fold => fold.Accuracy), scores.Average(fold => fold.MacroAccuracy), scores.Average(fold => fold.Loss), against);
        _folder.Append(NewRecord(trial, rung) with { Interval = interval, Right = TrialRecord.Digits(isRight) });
        TrainerHost.Info(_channel, string.Create(CultureInfo.InvariantCulture,
            $"{trial.Shown}: accuracy {interval.Accuracy:F4}, macro accuracy {interval.MacroAccuracy:F4}, log-loss {interval.LogLoss:F4} after {steps} of {trial.Shown.Steps} steps"));
        Add(trial, interval, isRight);
    }

    private void Add(Candidate trial, SlaTrialInterval interval, bool[] isRight)
    {
        trial.Shown.Add(interval);
        trial.Result = new RungResult(interval, isRight);
        if (!_bestOfRung.TryGetValue(interval.Rung, out var best) || _settings.Value(interval) > _settings.Value(best.Trial.Shown.Intervals[interval.Rung]))
            _bestOfRung[interval.Rung] = (trial, isRight);
        _monitor.ReportCompletedTrial(trial.Shown);
        var leader = Leaders().FirstOrDefault();
        if (leader is not null && (leader != _leader || leader == trial))
        {
            _leader = leader;
            _monitor.ReportBestTrial(leader.Shown);
        }
    }

    private void Break(Candidate trial, int rung, Exception exception)
    {
        // Below the first line of a message of torch is where in its code it comes from.
        string message = exception.Message.Split('\n')[0];
        if (RecordOf(trial, rung) is null)
            _folder.Append(NewRecord(trial, rung) with { Failure = message });
        Break(trial, message);
    }

    private void Break(Candidate trial, string message)
    {
        trial.IsAlive = false;
        trial.Shown.Failure = message;
        _folder.DeleteCheckpoints(trial.Shown.Number);
        TrainerHost.Warn(_channel, $"{trial.Shown} is broken, and left out: {message}");
        _monitor.ReportFailTrial(trial.Shown);
    }

    private SlaExperimentResult Finish()
    {
        foreach (var trial in Leaders().ToList())
        {
            var end = _plan.Final is { } planned && planned.Trial == trial.Shown.Number ? planned : PlannedEnd(trial);
            if (TrainToTheEnd(trial, end))
            {
                foreach (var other in _trials.Where(other => other != trial && other.IsAlive))
                    _folder.DeleteCheckpoints(other.Shown.Number);
                return Result(trial, end);
            }
        }

        string first = _trials.FirstOrDefault(trial => trial.Shown.Failure is not null)?.Shown.Failure ?? "no trial was begun.";
        throw new InvalidOperationException($"All {_trials.Count} trials are broken. The first one: {first}");
    }

    /// <summary>Plans the rest of the winner's training for the time that is left.</summary>
    private PlannedEnd PlannedEnd(Candidate trial)
    {
        var plan = trial.Plan!;
        int epochs = plan.Epochs;
        long done = _plan.Ladder.Refits ? 0 : trial.Shown.Last?.Steps ?? 0;
        if (_settings.Time is { } time)
        {
            int stepsPerEpoch = _runner.FinalStepsPerEpoch(trial.Configuration);
            double step = _runner.StepSeconds(trial.Configuration, MeasuredShare * time, _cancellation, isAgain: trial.Shown.Last is not null);
            double left = (PlannedShare * time.TotalSeconds) - _clock.Elapsed - (2 * _overhead);
            epochs = Math.Max((int)(done / stepsPerEpoch) + 1, (int)((done + (left / step)) / stepsPerEpoch));
        }

        var end = new PlannedEnd(plan.Number, epochs, epochs == plan.Epochs || done == 0 ? null : new ScheduleTail(done, plan.Epochs, plan.Steps));
        Save(_plan with { Final = end });
        return end;
    }

    /// <returns>Whether there is a model; false where the training broke.</returns>
    private bool TrainToTheEnd(Candidate trial, PlannedEnd end)
    {
        (trial.Shown.Epochs, trial.Shown.Steps) = (end.Epochs, (long)end.Epochs * _runner.FinalStepsPerEpoch(trial.Configuration));
        _monitor.ReportRunningTrial(trial.Shown);
        _finalBegan = _clock.Elapsed;
        using var deadline = Deadline(_settings.Time?.TotalSeconds);
        try
        {
            _runner.Finish(trial.Plan!, trial.Configuration, end, deadline.Token);
        }
        catch (OperationCanceledException) when (!_cancellation.IsCancellationRequested && !_runner.HasCheckpoint(trial.Plan!))
        {
            TrainerHost.Warn(_channel, "The time is over before the first step, which is made all the same: it is too short for these images on this machine.");
            _runner.Finish(trial.Plan!, trial.Configuration, end, _cancellation, mostSteps: 1);
        }
        catch (OperationCanceledException) when (_runner.HasCheckpoint(trial.Plan!))
        {
            if (!_cancellation.IsCancellationRequested)
                TrainerHost.Warn(_channel, "The training took longer than was reckoned, and was ended before its schedule was.");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Break(trial, _plan.Ladder.Fractions.Count, exception);
            return false;
        }

        return true;
    }

    private SlaExperimentResult Result(Candidate trial, PlannedEnd? end)
    {
        bool isComplete = !_cancellation.IsCancellationRequested;

        // What is left of a training on all rows is less than what the trial has.
        if (!isComplete && _plan.Ladder.Refits)
            end = null;
        int rung = _plan.Ladder.Fractions.Count;
        var record = RecordOf(trial, rung);
        var (model, steps, scores) = _runner.Load(trial.Plan!, trial.Configuration, end, isScored: isComplete && end is not null && record is null);
        if (scores is not null)
            Complete(trial, rung, steps, [scores], _finalBegan);
        else if (record is not null)
            TakeUp(trial, record);

        var options = _runner.Options(trial.Configuration, end?.Epochs ?? trial.Plan!.Epochs, trial.Plan!.Steps);
        return new SlaExperimentResult(model, trial.Shown, [.. _trials.Select(t => t.Shown)], options, isComplete, TimeSpan.FromSeconds(_clock.Elapsed));
    }

    /// <summary>A token that is cancelled with the search, or at a time of its clock.</summary>
    private CancellationTokenSource Deadline(double? seconds)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        if (seconds is { } at)
            source.CancelAfter(TimeSpan.FromSeconds(Math.Max(0, at - _clock.Elapsed)));
        return source;
    }

    private void Save(SearchPlan plan)
    {
        _folder.Save(plan);
        _plan = plan;
    }

    private TrialRecord? RecordOf(Candidate trial, int rung) => _folder.Records.FirstOrDefault(record => record.Trial == trial.Shown.Number && record.Rung == rung);

    private static TrialRecord NewRecord(Candidate trial, int rung) => new()
    {
        Trial = trial.Shown.Number,
        Configuration = trial.Configuration.Values,
        Seed = trial.Shown.Seed,
        Rung = rung,
    };

    /// <summary>A trial as the search knows it.</summary>
    private sealed class Candidate(Configuration configuration, SlaTrial shown)
    {
        public Configuration Configuration { get; } = configuration;

        /// <summary>What others see of it.</summary>
        public SlaTrial Shown { get; } = shown;

        public PlannedTrial? Plan { get; set; }

        /// <summary>What came of its last interval; not before there is one.</summary>
        public RungResult Result { get; set; } = null!;

        /// <summary>Whether it is neither broken nor out.</summary>
        public bool IsAlive { get; set; } = true;
    }
}

/// <summary>Seconds since a search began, those before it was resumed included.</summary>
internal sealed class SearchClock(double before)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public double Elapsed => before + _watch.Elapsed.TotalSeconds;
}
