using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>Decides the length of the search's parts by the speed of the machine. It records each decision, so that a resumed search keeps it.</summary>
internal sealed class SearchPlanner
{
    private readonly SearchTask _task;
    private readonly TrialRunner _runner;
    private readonly SearchFolder _folder;
    private readonly LatencyLimit _latency;
    private readonly SearchClock _clock;
    private readonly TimePlan? _time;

    /// <summary>Reads the plan of the folder. If there is none, chooses the baseline and plans the trials.</summary>
    /// <param name="task">The task of the search.</param>
    /// <param name="runner">Measures trainings.</param>
    /// <param name="folder">Stores the plan.</param>
    /// <param name="latency">Decides which configurations predict fast enough.</param>
    /// <param name="clock">The time of the search.</param>
    /// <exception cref="InvalidOperationException">No network predicts fast enough.</exception>
    public SearchPlanner(SearchTask task, TrialRunner runner, SearchFolder folder, LatencyLimit latency, SearchClock clock)
    {
        (_task, _runner, _folder, _latency, _clock) = (task, runner, folder, latency, clock);
        _time = task.Settings.Time is { } time ? new TimePlan(time) : null;
        if (folder.Plan is { } plan)
        {
            (Plan, Baseline) = (plan, new Configuration(plan.Baseline));
            return;
        }

        Baseline = latency.Baseline(task.Space);
        Save(NewPlan());
    }

    /// <summary>The decisions so far.</summary>
    public SearchPlan Plan { get; private set; } = SearchPlan.Empty;

    /// <summary>The configuration of the first trial, and the only one if there is time for just one training.</summary>
    public Configuration Baseline { get; }

    /// <summary>Number of rungs at which trials are compared. The record lists the end of the winner's training under this rung number.</summary>
    public int Rungs => Plan.Ladder.Fractions.Count;

    /// <summary>Seconds from the start of the search until it stops training trials; null without a time limit.</summary>
    /// <remarks>0 if the winner is decided: a resumed search then reads its trials from the record only.</remarks>
    public double? TrialsEnd => Plan.Final is not null ? 0 : _time?.TrialsEnd(Plan.TrainingSeconds!.Value);

    /// <summary>Seconds from the start of the search until the winner's training ends; null without a time limit.</summary>
    public double? SearchEnd => _time?.End;

    /// <summary>The plan of a trial that has begun; null for a new trial.</summary>
    public PlannedTrial? PlanOf(int number) => Plan.Trials.FirstOrDefault(plan => plan.Number == number);

    /// <summary>The plan of a trial's last training; null if it is not decided or another trial is the winner.</summary>
    public PlannedEnd? EndOf(Candidate trial) => Plan.Final is { } end && end.Trial == trial.Number ? end : null;

    /// <summary>Plans a trial. Its whole training would take the time that is planned for the winner's.</summary>
    public PlannedTrial PlanTrial(int number, Configuration configuration, CancellationToken cancellationToken)
    {
        int stepsPerEpoch = _runner.StepsPerEpoch(configuration);
        int epochs = _task.Space.Options(configuration).Epochs;
        if (Plan.TrainingSeconds is { } seconds)
        {
            double step = _runner.StepSeconds(configuration, TimePlan.TrialMeasurement(seconds), cancellationToken);
            epochs = TimePlan.TrialEpochs(seconds, new StepCost(step, stepsPerEpoch));
        }

        var planned = new PlannedTrial(number, configuration.Values, epochs, (long)epochs * stepsPerEpoch);
        Save(Plan with { Trials = [.. Plan.Trials, planned] });
        return planned;
    }

    /// <summary>Plans the rest of the winner's training for the remaining time.</summary>
    public PlannedEnd PlanEnd(Candidate trial)
    {
        var plan = trial.Plan!;
        int epochs = plan.Epochs;
        long done = Plan.Ladder.Refits ? 0 : _runner.StepsDone(plan);
        int stepsPerEpoch = done == 0 ? _runner.LastStepsPerEpoch(trial.Configuration) : _runner.StepsPerEpoch(trial.Configuration);
        if (_time is not null)
        {
            double step = _runner.StepSeconds(trial.Configuration, _time.LastMeasurement, _clock.Cancellation, isAgain: trial.PublicTrial.Last is not null);
            epochs = _time.LastEpochs(done, new StepCost(step, stepsPerEpoch), Plan.OverheadSeconds, _clock.Elapsed);
        }

        bool isAsBegun = epochs == plan.Epochs && !_runner.LastHasOtherRows;
        var tail = isAsBegun || done == 0 ? null : new ScheduleTail(done, plan.Epochs, plan.Steps);
        var end = new PlannedEnd(plan.Number, epochs, (long)epochs * stepsPerEpoch, tail);
        Save(Plan with { Final = end });
        return end;
    }

    private SearchPlan NewPlan()
    {
        var begun = Plan with { Identity = _task.Identity.Entries, Baseline = Baseline.Values };
        int maxTrials = _task.Settings.MaxTrials ?? int.MaxValue;
        if (_time is null)
            return begun with { Ladder = Ladder.ForTrials(maxTrials, _task.Folds) };

        double step = _runner.StepSeconds(Baseline, _time.LadderMeasurement, _clock.Cancellation);
        double overhead = _runner.OverheadSeconds(Baseline, _clock.Cancellation);
        var cost = new StepCost(step, _runner.StepsPerEpoch(Baseline));
        var (ladder, trainingSeconds) = _time.LongestLadder(cost, overhead, _clock.Elapsed, maxTrials, _task.Folds);
        return begun with { Ladder = ladder, TrainingSeconds = trainingSeconds, OverheadSeconds = overhead };
    }

    private void Save(SearchPlan plan)
    {
        plan = plan with { Latencies = new Dictionary<string, double>(_latency.Measured) };
        _folder.Save(plan);
        Plan = plan;
    }
}
