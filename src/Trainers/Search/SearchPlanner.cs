using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>Decides the length of the search's parts by the speed of the machine. It records each decision, so that a resumed search keeps it.</summary>
internal sealed class SearchPlanner
{
    /// <summary>The most trials with a frozen backbone in a time. Among more, the best one would be so by chance.</summary>
    private const int MaxFrozen = 20;

    private readonly SearchTask _task;
    private readonly TrialRunner _runner;
    private readonly SearchFolder _folder;
    private readonly LatencyLimit _latency;
    private readonly TrialLog _log;
    private readonly SearchClock _clock;
    private readonly TimePlan? _time;

    /// <summary>Reads the plan of the folder. If there is none, chooses the baseline and plans the trials.</summary>
    /// <param name="task">The task of the search.</param>
    /// <param name="runner">Measures trainings.</param>
    /// <param name="folder">Stores the plan.</param>
    /// <param name="latency">Decides which configurations predict fast enough.</param>
    /// <param name="log">Names what there is no time for.</param>
    /// <param name="clock">The time of the search.</param>
    /// <exception cref="InvalidOperationException">No network predicts fast enough.</exception>
    public SearchPlanner(SearchTask task, TrialRunner runner, SearchFolder folder, LatencyLimit latency, TrialLog log, SearchClock clock)
    {
        (_task, _runner, _folder, _latency, _log, _clock) = (task, runner, folder, latency, log, clock);
        _time = task.Settings.Time is { } time ? new TimePlan(time) : null;
        if (folder.Plan is { } plan)
        {
            (Plan, Baseline) = (plan, new Configuration(plan.Baseline));
            return;
        }

        var frozen = new FrozenProposals(task.Space, task.Settings.BaseOptions.Seed!.Value, latency).All().ToList();
        bool hasOthers = !task.Space.IsFrozen(task.Space.Default);
        Baseline = hasOthers || frozen.Count == 0 ? latency.Baseline(task.Space) : frozen[0];
        Save(_time is null ? PlanByNumber(frozen, hasOthers) : PlanByTime(_time, frozen, hasOthers));
    }

    /// <summary>The decisions so far.</summary>
    public SearchPlan Plan { get; private set; } = SearchPlan.Empty;

    /// <summary>The configuration of the first trial of the ladder.</summary>
    public Configuration Baseline { get; }

    /// <summary>The configurations with a frozen backbone, in the order in which they are tried, before the ladder.</summary>
    public IEnumerable<Configuration> Frozen => Plan.Frozen.Select(values => new Configuration(values));

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

    /// <summary>Plans a trial. If its training has steps, the whole would take the time that is planned for the winner's.</summary>
    public PlannedTrial PlanTrial(int number, Configuration configuration, CancellationToken cancellationToken)
    {
        var planned = _runner.HasSteps(configuration) ? PlanSteps(number, configuration, cancellationToken) : TrialRunner.PlanWithoutSteps(number, configuration);
        Save(Plan with { Trials = [.. Plan.Trials, planned] });
        return planned;
    }

    /// <summary>Plans the rest of the winner's training for the remaining time.</summary>
    public PlannedEnd PlanEnd(Candidate trial)
    {
        var end = _runner.HasSteps(trial.Configuration) ? PlanLastSteps(trial) : new PlannedEnd(trial.Number, trial.Plan!.Epochs, trial.Plan.Steps, Tail: null);
        Save(Plan with { Final = end });
        return end;
    }

    private PlannedTrial PlanSteps(int number, Configuration configuration, CancellationToken cancellationToken)
    {
        int stepsPerEpoch = _runner.StepsPerEpoch(configuration);
        int epochs = _task.Space.Options(configuration).Epochs;
        if (Plan.TrainingSeconds is { } seconds)
        {
            double step = _runner.StepSeconds(configuration, TimePlan.TrialMeasurement(seconds), cancellationToken);
            epochs = TimePlan.TrialEpochs(seconds, new StepCost(step, stepsPerEpoch));
        }

        return new PlannedTrial(number, configuration.Values, epochs, (long)epochs * stepsPerEpoch);
    }

    private PlannedEnd PlanLastSteps(Candidate trial)
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
        return new PlannedEnd(plan.Number, epochs, (long)epochs * stepsPerEpoch, tail);
    }

    private SearchPlan Begun => Plan with { Identity = _task.Identity.Entries, Baseline = Baseline.Values };

    private int MaxTrials => _task.Settings.MaxTrials ?? int.MaxValue;

    /// <summary>Plans a search by its number of trials. Half of them have a frozen backbone, if others are possible as well.</summary>
    private SearchPlan PlanByNumber(List<Configuration> frozen, bool hasOthers)
    {
        var tried = frozen.Take(hasOthers ? MaxTrials - (MaxTrials / 2) : MaxTrials).ToList();
        return Begun with
        {
            Frozen = Values(tried),
            Ladder = Ladder.ForTrials(hasOthers ? MaxTrials - tried.Count : 0, _task.Folds, tried.Count),
        };
    }

    /// <summary>Plans a search by its time: first the trials with a frozen backbone, then as many others as the rest has room for.</summary>
    private SearchPlan PlanByTime(TimePlan time, List<Configuration> frozen, bool hasOthers)
    {
        var cost = NewCost(time);
        var beside = PlanFrozen(time, cost, frozen, areAlone: !hasOthers);
        if (beside.AreAlone)
            return OnlyFrozen(time, beside);
        if (frozen.Count > 0 && beside.Trials.Count == 0)
            _log.BackbonesTakeTooLong();

        double step = _runner.StepSeconds(Baseline, time.LadderMeasurement, _clock.Cancellation);
        double overhead = _runner.OverheadSeconds(Baseline, _clock.Cancellation);
        var stepCost = new StepCost(step, _runner.StepsPerEpoch(Baseline));
        double frozenEnd = _clock.Elapsed + beside.Seconds;
        var (ladder, trainingSeconds) = time.LongestLadder(stepCost, overhead, frozenEnd, MaxTrials - beside.Trials.Count, _task.Folds);
        return beside.Trials.Count > 0 && ladder.Fractions.Count == 0
            ? OnlyFrozen(time, PlanFrozen(time, cost, frozen, areAlone: true))
            : Begun with
            {
                Frozen = Values(beside.Trials),
                FrozenEnd = frozenEnd,
                Ladder = ladder,
                TrainingSeconds = trainingSeconds,
                OverheadSeconds = overhead,
            };
    }

    /// <summary>The plan of a search whose trials all have a frozen backbone.</summary>
    private SearchPlan OnlyFrozen(TimePlan time, FrozenPlan frozen) => Begun with
    {
        Frozen = Values(frozen.Trials),
        FrozenEnd = _clock.Elapsed + time.FrozenSeconds(_clock.Elapsed, frozen.LastSeconds, areAlone: true),
        Ladder = Ladder.ForTrials(0, _task.Folds, frozen.Trials.Count),
        TrainingSeconds = frozen.LastSeconds,
    };

    private FrozenPlan PlanFrozen(TimePlan time, FrozenCost cost, List<Configuration> frozen, bool areAlone) => FrozenPlan.InTime(
        frozen,
        cost,
        (lastSeconds, areAlone) => time.FrozenSeconds(_clock.Elapsed, lastSeconds, areAlone),
        Math.Min(MaxFrozen, areAlone ? MaxTrials : MaxTrials - (MaxTrials / 2)),
        areAlone);

    /// <summary>The cost of trials with a frozen backbone. Each network and size of images is measured once.</summary>
    private FrozenCost NewCost(TimePlan time)
    {
        var measured = new Dictionary<(Architecture, ImageShape), double>();
        return new FrozenCost(_task.Space, _runner.Images, _runner.Frozen.Outputs, SecondsPerView, _task.Folds);

        double SecondsPerView(Configuration configuration)
        {
            var options = _task.Space.Options(configuration);
            var network = (options.Architecture, _task.Space.ShapeOf(options));
            if (!measured.TryGetValue(network, out double seconds))
                measured[network] = seconds = _runner.Frozen.SecondsPerView(configuration, time.LadderMeasurement, _clock.Cancellation);
            return seconds;
        }
    }

    private static List<IReadOnlyDictionary<string, string>> Values(IEnumerable<Configuration> configurations) =>
        [.. configurations.Select(configuration => configuration.Values)];

    private void Save(SearchPlan plan)
    {
        plan = plan with { Latencies = new Dictionary<string, double>(_latency.Measured) };
        _folder.Save(plan);
        Plan = plan;
    }
}
