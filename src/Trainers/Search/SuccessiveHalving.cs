namespace Microsoft.ML.Sla.Search;

/// <summary>
/// A search. It first trains the trials with a frozen backbone, which are complete at once. The next trial has the baseline configuration; the
/// <see cref="Proposals"/> give the others. The search trains all trials to the first rung and compares them. At each rung the trials that the
/// <see cref="Promotion"/> chooses continue. The training of the best trial is finished.
/// </summary>
internal sealed class SuccessiveHalving
{
    private readonly TrialRunner _runner;
    private readonly TrialLog _log;
    private readonly SearchClock _clock;
    private readonly SearchPlanner _planner;
    private readonly Promotion _promotion;
    private readonly Proposals _proposals;
    private readonly TrialBook _trials;
    private readonly FinalTraining _finalTraining;

    /// <param name="task">The task of the search.</param>
    /// <param name="runner">Trains trials.</param>
    /// <param name="folder">Records the search.</param>
    /// <param name="log">The log and the monitor.</param>
    /// <param name="clock">The time of the search.</param>
    /// <exception cref="InvalidOperationException">No network predicts fast enough.</exception>
    /// <exception cref="OperationCanceledException">The search was cancelled.</exception>
    public SuccessiveHalving(SearchTask task, TrialRunner runner, SearchFolder folder, TrialLog log, SearchClock clock)
    {
        (_runner, _log, _clock) = (runner, log, clock);
        var (settings, space) = (task.Settings, task.Space);
        var known = folder.Plan?.Latencies ?? SearchPlan.Empty.Latencies;
        var latency = new LatencyLimit(settings.LatencyCeiling, known, runner.LatencyKey, MeasureLatency, log);
        _planner = new SearchPlanner(task, runner, folder, latency, log, clock);
        _promotion = new Promotion(settings, space, _planner.Baseline, _planner.Rungs);
        _proposals = new Proposals(space, _planner.Baseline, _planner.Plan.Ladder.Trials, settings.BaseOptions.Seed!.Value, latency);
        _trials = new TrialBook(settings, _promotion, runner.ValidationRows, folder, log, clock);
        _finalTraining = new FinalTraining(_trials, _planner, runner, log, clock);
    }

    /// <summary>Searches, or resumes an interrupted search.</summary>
    /// <returns>The best trial, its model, and whether the search is complete.</returns>
    /// <exception cref="OperationCanceledException">The search was cancelled before the first step.</exception>
    /// <exception cref="InvalidOperationException">All trials failed.</exception>
    public SlaExperimentResult Run()
    {
        _log.Begins(_planner.Plan.Frozen.Count, _planner.Plan.Ladder);
        try
        {
            if (!_clock.IsDoneBefore(_planner.TrialsEnd, TrainTrials))
                _log.TrialsTookTooLong(_trials.Unmeasured);
            return _finalTraining.Run();
        }
        catch (OperationCanceledException) when (_clock.IsCancelled && _finalTraining.BestTrained() is { } best)
        {
            return _finalTraining.Unfinished(best);
        }
    }

    /// <summary>Trains and compares trials up to the last rung.</summary>
    private void TrainTrials(CancellationToken deadline)
    {
        TrainFrozen(deadline);
        if (_planner.Plan.Ladder.Trials == 0)
            return;

        var baseline = Begin(_planner.Baseline, _clock.Cancellation);
        if (_planner.Rungs == 0)
            return;

        TrainTo(rung: 0, baseline, deadline);
        foreach (var configuration in _proposals.After(_trials.All, () => _trials.Leaders.FirstOrDefault(trial => !trial.IsComplete && !_promotion.HasBaselineViews(trial))))
            TrainTo(rung: 0, Begin(configuration, deadline), deadline);

        for (int rung = 1; rung < _planner.Rungs; rung++)
        {
            _trials.Promote(_planner.Plan.Ladder.TrialsAt(rung));
            foreach (var trial in _trials.Leaders.Where(trial => !trial.IsComplete))
                TrainTo(rung, trial, deadline);
        }
    }

    /// <summary>Trains the trials with a frozen backbone while there is time for them. A single trial is trained in the end only.</summary>
    private void TrainFrozen(CancellationToken deadline)
    {
        foreach (var configuration in _planner.Frozen)
        {
            int number = _trials.All.Count + 1;
            if (RecordedConfiguration(number) is { } recorded ? $"{recorded}" != $"{configuration}" : number > 1 && _clock.Elapsed > _planner.Plan.FrozenEnd)
                return;
            var trial = Begin(configuration, number == 1 ? _clock.Cancellation : deadline);
            if (_planner.Rungs > 0)
                TrainTo(rung: 0, trial, deadline);
        }
    }

    /// <summary>Begins a trial, or reads it from the record.</summary>
    private Candidate Begin(Configuration configuration, CancellationToken cancellationToken)
    {
        int number = _trials.All.Count + 1;
        var planned = _planner.PlanOf(number);
        var broken = planned is null ? _trials.RecordOf(number, rung: 0) : null;
        var recorded = RecordedConfiguration(number);
        if (recorded is null)
            cancellationToken.ThrowIfCancellationRequested();

        var trial = _trials.Add(recorded ?? configuration);
        if (broken is not null)
            _trials.Break(trial, broken.Failure!);
        else if (_trials.TryOrBreak(trial, rung: 0, () => planned ?? _planner.PlanTrial(number, trial.Configuration, cancellationToken), out var plan))
            trial.Begin(plan);
        return trial;
    }

    /// <summary>The configuration of a trial that began before the search was resumed; null for a new trial.</summary>
    private Configuration? RecordedConfiguration(int number) => (_planner.PlanOf(number)?.Configuration ?? _trials.RecordOf(number, rung: 0)?.Configuration) is { } values
        ? new Configuration(values)
        : null;

    /// <summary>Trains a trial to a rung, or reads its result there from the record.</summary>
    private void TrainTo(int rung, Candidate trial, CancellationToken cancellationToken)
    {
        if (!trial.IsAlive)
            return;
        if (_trials.RecordOf(trial.Number, rung) is { } record)
        {
            _trials.TakeUp(trial, record);
            return;
        }

        cancellationToken.ThrowIfCancellationRequested();
        _log.Running(trial);
        double began = _clock.Elapsed;
        double fraction = _planner.Plan.Ladder.Fractions[rung];
        if (_trials.TryOrBreak(trial, rung, () => _runner.Run(trial.Plan!, trial.Configuration, fraction, cancellationToken), out var run))
            _trials.Complete(trial, rung, run.Steps, run.Scores, began);
    }

    private double MeasureLatency(Configuration configuration)
    {
        _clock.Cancellation.ThrowIfCancellationRequested();
        return _runner.Latency(configuration);
    }
}
