using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// A search: the defaults under each set of transformations first, with the strongest augmentation and without mirror images, then configurations drawn
/// around the defaults and the best other set; at each rung a third goes on, the best of each set before the second of any, and the best of all is trained
/// to the end of its schedule.
/// </summary>
internal sealed class SuccessiveHalving
{
    private const int MaxDraws = 1000;

    /// <summary>Steps before the first comparison. Networks that have hardly learnt are ranked by how easy their task is.</summary>
    private const int FewestSteps = 50;

    /// <summary>Share of the search's time, or of the winner's training, that measurements take.</summary>
    private const double MeasuredShare = 0.005;

    /// <summary>Share of the search's time for which a step is measured once more before the last training, which its length depends on.</summary>
    private const double MeasuredAgainShare = 0.02;

    /// <summary>How long that is at most, in seconds.</summary>
    private const double MostMeasuredAgain = 2;

    /// <summary>Share of the time that is planned for: the rest is for what nobody reckons with.</summary>
    private const double PlannedShare = 0.98;

    /// <summary>Share of the winner's training that trials leave it in any case.</summary>
    private const double KeptShare = 0.4;

    /// <summary>The longest time that a timer takes, in seconds: that of a search which is as good as without one.</summary>
    private const double LongestTimer = 4_000_000;

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
        _plan = folder.Plan ?? SearchPlan.Empty with { Identity = identity.Entries };
        Baseline = folder.Plan is null ? NewBaseline() : new Configuration(_plan.Baseline);
        if (folder.Plan is null)
            Save(NewPlan(_plan with { Baseline = Baseline.Values }, folds));
    }

    /// <summary>The configuration of the first trial: what would be trained without a search.</summary>
    private Configuration Baseline { get; }

    private bool IsCancelled => _cancellation.IsCancellationRequested || _runner.IsHostCancelled;

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
            return Finish();
        }
        catch (OperationCanceledException) when (IsCancelled && Farthest() is { } trial)
        {
            return Stopped(trial);
        }
    }

    /// <summary>
    /// Trials that are neither broken nor out: those that came farthest first, and the better ones of those. At the last rung the best one comes first
    /// of the set of views that is expected to have the lowest log-loss in the end.
    /// </summary>
    private IEnumerable<Candidate> Leaders() => _trials
        .Where(trial => trial.IsAlive && trial.Plan is not null)
        .GroupBy(trial => trial.PublicTrial.Intervals.Count)
        .OrderByDescending(rung => rung.Key)
        .SelectMany(rung => rung.Key == 0 ? rung : BestFirst([.. rung], isLast: rung.Key == _plan.Ladder.Fractions.Count));

    private IEnumerable<Candidate> BestFirst(List<Candidate> trials, bool isLast)
    {
        var ranked = Ranking.BestFirst(trials, trial => trial.Result, _settings).ToList();
        if (!isLast || _settings.Metric != SearchMetric.MicroAccuracy)
            return ranked;

        // Few labels are learnt by heart before the end, with the higher accuracy until then: where the curve leads says so early.
        var lasting = ranked.MinBy(trial => Ranking.ExpectedLogLoss(trial.PublicTrial.Intervals, trial.Plan!.Steps))!;
        return ranked.OrderByDescending(trial => Views(trial) == Views(lasting));
    }

    /// <summary>
    /// Trials of one set of views, where they are not told apart those with more augmentations first: what learns more varied images has the higher log-loss
    /// early, and the lower one late, when the others have learnt theirs by heart.
    /// </summary>
    private IEnumerable<Candidate> VariedFirst(IEnumerable<Candidate> trials) =>
        Ranking.BestFirst(trials, trial => trial.Result, _settings, variety: trial => _space.Options(trial.Configuration).Augmentations.Count);

    /// <summary>The leaders in the order in which they are trained to the end: what was begun first, and what has a checkpoint to go on from.</summary>
    private IEnumerable<Candidate> Finalists() => Leaders()
        .OrderByDescending(trial => trial.PublicTrial.Number == _plan.Final?.Trial)
        .ThenByDescending(trial => _runner.StepsDone(trial.Plan!) > 0);

    /// <summary>The trial whose model there is when the search is cancelled; null before the first step.</summary>
    private Candidate? Farthest() => Finalists().FirstOrDefault(trial => _runner.StepsDone(trial.Plan!) > 0 || _runner.FinalStepsDone(trial.Plan!) > 0);

    /// <summary>The defaults, or, where their network takes longer to predict than it may, with the network that takes the longest that it may.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    private Configuration NewBaseline()
    {
        if (_settings.LatencyCeiling is not { } ceiling || Latency(_space.Default) <= ceiling.TotalSeconds)
            return _space.Default;

        var networks = _space.ByArchitecture().Prepend(_space.Default).OrderByDescending(Latency).ToList();
        return networks.Find(network => Latency(network) <= ceiling.TotalSeconds) ?? throw new InvalidOperationException(FormattableString.Invariant(
            $"A prediction takes {1000 * Latency(networks[^1]):F2} ms with the fastest network ({networks[^1]}), more than the ceiling of {ceiling.TotalMilliseconds:F2} ms. Raise it, add a smaller network to the search space, or ask for an inference of one view."));
    }

    private double Latency(Configuration configuration)
    {
        string key = _runner.LatencyKey(configuration);
        if (!_plan.Latencies.TryGetValue(key, out double seconds))
        {
            _cancellation.ThrowIfCancellationRequested();
            try
            {
                seconds = _runner.Latency(configuration);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                seconds = double.MaxValue;
                TrainerHost.Warn(_channel, $"{configuration} cannot be scored, and is left out: {FirstLine(exception)}");
            }

            _plan = _plan with { Latencies = new Dictionary<string, double>(_plan.Latencies) { [key] = seconds } };
        }

        return seconds;
    }

    /// <summary>Whether a configuration can be trained, and predicts fast enough.</summary>
    private bool IsPossible(Configuration configuration) =>
        _space.Objection(configuration) is null && (_settings.LatencyCeiling is not { } ceiling || Latency(configuration) <= ceiling.TotalSeconds);

    private SearchPlan NewPlan(SearchPlan begun, int folds)
    {
        int maxTrials = _settings.MaxTrials ?? int.MaxValue;
        if (_settings.Time is not { } time)
            return begun with { Ladder = Ladder.ForTrials(maxTrials, folds) };

        double step = _runner.StepSeconds(Baseline, MeasuredShare * time, _cancellation);
        double overhead = _runner.OverheadSeconds(Baseline, _cancellation);
        double left = (PlannedShare * time.TotalSeconds) - _clock.Elapsed;
        int fewestSteps = Math.Max(FewestSteps, _runner.StepsPerEpoch(Baseline));
        var ladder = Ladder.ForTime(ladder => TrainingSeconds(ladder) * ladder.Fractions[0] >= fewestSteps * step, maxTrials, folds);
        return begun with { Ladder = ladder, TrainingSeconds = Math.Max(step, TrainingSeconds(ladder)), OverheadSeconds = overhead };

        double TrainingSeconds(Ladder ladder) => (left - (ladder.Intervals * overhead)) / ladder.Cost;
    }

    /// <summary>Trains and compares trials until one is the best, or the time for it is over.</summary>
    private void Explore()
    {
        // What was decided is not decided again: trials are taken from the record only.
        double? end = _plan.Final is not null ? 0 : _settings.Time is { } time ? (PlannedShare * time.TotalSeconds) - (KeptShare * _plan.TrainingSeconds!.Value) : null;
        using var deadline = Deadline(end);
        try
        {
            Explore(deadline.Token);
        }
        catch (OperationCanceledException) when (!IsCancelled && deadline.IsCancellationRequested)
        {
            TrainerHost.Warn(_channel, "Trials took longer than was reckoned: the best one so far is trained to its end.");
        }
    }

    private void Explore(CancellationToken deadline)
    {
        var ladder = _plan.Ladder;
        var usual = Begin(Baseline, _cancellation);
        if (ladder.Fractions.Count == 0)
            return;

        Interval(usual, rung: 0, deadline);
        int sets = Math.Max(0, ladder.Trials - 1 - (ladder.Trials / 3));
        foreach (var configuration in _space.ByTransformations(Baseline).Where(IsPossible).Take(sets))
            Interval(Begin(configuration, deadline), rung: 0, deadline);
        int augmented = (ladder.Trials - _trials.Count) / 2;
        foreach (var configuration in _space.ByAugmentation(Baseline).Where(IsPossible).Take(augmented))
            Interval(Begin(configuration, deadline), rung: 0, deadline);
        var others = Leaders().Where(trial => !LearnsBaselineViews(trial)).Select(trial => trial.Configuration);
        foreach (var configuration in Drawn([Baseline, .. others.Take(1)]))
            Interval(Begin(configuration, deadline), rung: 0, deadline);

        for (int rung = 1; rung < ladder.Fractions.Count; rung++)
        {
            Promote(ladder.TrialsAt(rung));
            foreach (var trial in Leaders().ToList())
                Interval(trial, rung, deadline);
        }
    }

    /// <summary>New configurations around some, in turn, until there are as many trials as planned.</summary>
    private IEnumerable<Configuration> Drawn(Configuration[] bases)
    {
        var random = new Random(_settings.BaseOptions.Seed!.Value);
        for (int draw = 0; draw < MaxDraws && _trials.Count < _plan.Ladder.Trials; draw++)
        {
            var configuration = _space.Draw(random, bases[_trials.Count % bases.Length]);
            bool isNew = _trials.TrueForAll(trial => $"{trial.Configuration}" != $"{configuration}");
            if (isNew && IsPossible(configuration))
                yield return configuration;
        }
    }

    /// <summary>Keeps the best trials, and deletes the checkpoints of the others.</summary>
    /// <remarks>
    /// What learns more labels, or of more varied images, is behind at first and comes out ahead late. So the best of each set of views comes before the
    /// second of any. Of the defaults' set, which would be learned without a search, the best with each augmentation that is tried by rule goes on where there
    /// is room for another set beside them, and to the last rung the best with the strongest one and the best with another: that which does not mirror only
    /// where it is told apart from that which does.
    /// </remarks>
    private void Promote(int count)
    {
        var leaders = Leaders().ToList();
        var augmentations = _space.ByAugmentation(Baseline).Append(Baseline).Select(_space.Augmentation).ToHashSet();
        var usual = VariedFirst(leaders
            .Where(trial => LearnsBaselineViews(trial) && augmentations.Contains(_space.Augmentation(trial.Configuration)))
            .DistinctBy(trial => _space.Augmentation(trial.Configuration))).ToList();
        var late = usual.DistinctBy(trial => _space.IsStronglyAugmented(trial.Configuration))
            .Union(usual)
            .Take(count - 1)
            .ToList();
        var promoted = leaders
            .GroupBy(Views)
            .SelectMany(set => set.OrderByDescending(late.Contains).Index())
            .OrderByDescending(place => late.Contains(place.Item))
            .ThenBy(place => place.Index)
            .ThenBy(place => leaders.IndexOf(place.Item))
            .Select(place => place.Item)
            .Take(count);
        foreach (var trial in leaders.Except(promoted))
        {
            trial.IsAlive = false;
            _folder.DeleteCheckpoints(trial.PublicTrial.Number);
        }
    }

    private bool LearnsBaselineViews(Candidate trial) => Views(trial) == _space.Views(Baseline);

    private string Views(Candidate trial) => _space.Views(trial.Configuration);

    /// <summary>Begins a trial, or takes it from the plan: plans its whole training so that it takes the time of the winner's.</summary>
    private Candidate Begin(Configuration configuration, CancellationToken cancellationToken)
    {
        int number = _trials.Count + 1;
        var planned = _plan.Trials.FirstOrDefault(plan => plan.Number == number);
        var broken = planned is null ? RecordOf(number, rung: 0) : null;
        if (planned is null && broken is null)
            cancellationToken.ThrowIfCancellationRequested();
        if ((planned?.Configuration ?? broken?.Configuration) is { } values)
            configuration = new Configuration(values);

        var trial = new Candidate(configuration, new SlaTrial(number, configuration.Values, _settings.BaseOptions.Seed!.Value));
        _trials.Add(trial);
        if (broken is not null)
        {
            Break(trial, broken.Failure!);
        }
        else if (Tried(trial, rung: 0, () => planned ?? Planned(number, configuration, cancellationToken), out var plan))
        {
            trial.Plan = plan;
            Show(trial, end: null);
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

        var planned = new PlannedTrial(number, configuration.Values, epochs, (long)epochs * stepsPerEpoch);
        Save(_plan with { Trials = [.. _plan.Trials, planned] });
        return planned;
    }

    /// <summary>Trains a trial to a rung, or takes from the record what came of it.</summary>
    private void Interval(Candidate trial, int rung, CancellationToken cancellationToken)
    {
        if (!trial.IsAlive)
            return;
        if (RecordOf(trial.PublicTrial.Number, rung) is { } record)
        {
            TakeUp(trial, record);
            return;
        }

        cancellationToken.ThrowIfCancellationRequested();
        _monitor.ReportRunningTrial(trial.PublicTrial);
        double began = _clock.Elapsed;
        if (Tried(trial, rung, () => _runner.Run(trial.Plan!, trial.Configuration, _plan.Ladder.Fractions[rung], cancellationToken), out var run))
            Complete(trial, rung, run.Steps, run.Scores, began);
    }

    private void TakeUp(Candidate trial, TrialRecord record)
    {
        if (record.Failure is not null)
            Break(trial, record.Failure);
        else if (record.Interval is not null)
            Add(trial, record.Interval, record.IsRight(_runner.ValidationRows));
    }

    private void Complete(Candidate trial, int rung, long steps, IReadOnlyList<RowScores> scores, double began)
    {
        bool[] isRight = [.. scores.SelectMany(fold => fold.IsRight)];
        var against = _bestOfRung.TryGetValue(rung, out var best) ? SlaPairedComparison.Of(isRight, best.Trial.PublicTrial.Number, best.IsRight) : null;
        double elapsed = _clock.Elapsed;
        var interval = new SlaTrialInterval(
            rung, steps, elapsed - began, elapsed, scores.Average(fold => fold.Accuracy), scores.Average(fold => fold.MacroAccuracy), scores.Average(fold => fold.Loss), against);
        _folder.Append(NewRecord(trial, rung) with { Interval = interval, Right = TrialRecord.Digits(isRight) });
        TrainerHost.Info(_channel, string.Create(CultureInfo.InvariantCulture,
            $"{trial.PublicTrial}: accuracy {interval.Accuracy:F4}, macro accuracy {interval.MacroAccuracy:F4}, log-loss {interval.LogLoss:F4} after {steps} of {trial.PublicTrial.Steps} steps"));
        Add(trial, interval, isRight);
    }

    private void Add(Candidate trial, SlaTrialInterval interval, bool[] isRight)
    {
        trial.PublicTrial.Add(interval);
        trial.Result = new RungResult(interval, isRight);
        if (!_bestOfRung.TryGetValue(interval.Rung, out var best) || _settings.Value(interval) > _settings.Value(best.Trial.PublicTrial.Intervals[interval.Rung]))
            _bestOfRung[interval.Rung] = (trial, isRight);
        _monitor.ReportCompletedTrial(trial.PublicTrial);
        var leader = Leaders().FirstOrDefault();
        if (leader is not null && (leader != _leader || leader == trial))
        {
            _leader = leader;
            _monitor.ReportBestTrial(leader.PublicTrial);
        }
    }

    /// <summary>Whether something that a trial needs can be done; where it cannot, the trial is broken. A disk that is full is no fault of a trial.</summary>
    private bool Tried<T>(Candidate trial, int rung, Func<T> function, [NotNullWhen(true)] out T? result)
        where T : notnull
    {
        try
        {
            result = function();
            return true;
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or IOException))
        {
            string message = FirstLine(exception);
            if (RecordOf(trial.PublicTrial.Number, rung) is null)
                _folder.Append(NewRecord(trial, rung) with { Failure = message });
            Break(trial, message);
            result = default;
            return false;
        }
    }

    /// <summary>A message without what follows in one of torch: where in its code it comes from.</summary>
    private static string FirstLine(Exception exception) => exception.Message.Split('\n')[0];

    private void Break(Candidate trial, string message)
    {
        trial.IsAlive = false;
        trial.PublicTrial.Failure = message;
        _folder.DeleteCheckpoints(trial.PublicTrial.Number);
        TrainerHost.Warn(_channel, $"{trial.PublicTrial} is broken, and left out: {message}");
        _monitor.ReportFailTrial(trial.PublicTrial);
    }

    private SlaExperimentResult Finish()
    {
        foreach (var trial in Leaders().ToList())
        {
            if (RecordOf(trial.PublicTrial.Number, FinalRung) is { Failure: { } failure })
                Break(trial, failure);
        }

        foreach (var trial in Finalists().ToList())
        {
            if (TrainedToTheEnd(trial) is not { } result)
                continue;
            foreach (var other in _trials.Where(other => other != trial && other.IsAlive))
                _folder.DeleteCheckpoints(other.PublicTrial.Number);
            return result;
        }

        var first = _trials.First(trial => trial.PublicTrial.Failure is not null);
        throw new InvalidOperationException($"All {_trials.Count} trials are broken. The first one: {first.PublicTrial.Failure}");
    }

    /// <summary>The number by which the end of the winner's training is recorded.</summary>
    private int FinalRung => _plan.Ladder.Fractions.Count;

    private PlannedEnd? EndOf(Candidate trial) => _plan.Final is { } end && end.Trial == trial.PublicTrial.Number ? end : null;

    /// <summary>Plans the rest of the winner's training for the time that is left.</summary>
    private PlannedEnd PlanEnd(Candidate trial)
    {
        var plan = trial.Plan!;
        int epochs = plan.Epochs;
        long done = _plan.Ladder.Refits ? 0 : _runner.StepsDone(plan);
        int stepsPerEpoch = done == 0 ? _runner.LastStepsPerEpoch(trial.Configuration) : _runner.StepsPerEpoch(trial.Configuration);
        if (_settings.Time is { } time)
        {
            double measured = Math.Min(MostMeasuredAgain, MeasuredAgainShare * time.TotalSeconds);
            double step = _runner.StepSeconds(trial.Configuration, TimeSpan.FromSeconds(measured), _cancellation, isAgain: trial.PublicTrial.Last is not null);
            double left = (PlannedShare * time.TotalSeconds) - _clock.Elapsed - (2 * _plan.OverheadSeconds);
            epochs = Math.Max((int)(done / stepsPerEpoch) + 1, (int)((done + (left / step)) / stepsPerEpoch));
        }

        bool isAsPlanned = epochs == plan.Epochs && !_runner.LastHasOtherRows;
        var tail = isAsPlanned || done == 0 ? null : new ScheduleTail(done, plan.Epochs, plan.Steps);
        var end = new PlannedEnd(plan.Number, epochs, (long)epochs * stepsPerEpoch, tail);
        Save(_plan with { Final = end });
        return end;
    }

    /// <returns>The result; null where the training broke.</returns>
    private SlaExperimentResult? TrainedToTheEnd(Candidate trial)
    {
        var record = RecordOf(trial.PublicTrial.Number, FinalRung);
        if (!Tried(trial, FinalRung, () => EndOf(trial) ?? PlanEnd(trial), out var end))
            return null;

        Show(trial, end);
        if (record is null)
            _monitor.ReportRunningTrial(trial.PublicTrial);
        double began = _clock.Elapsed;
        using var deadline = Deadline(_settings.Time?.TotalSeconds);
        if (!Tried(trial, FinalRung, Train, out var trained))
            return null;

        if (record is not null)
            TakeUp(trial, record);
        else if (trained.Scores is not null)
            Complete(trial, FinalRung, trained.Steps, [trained.Scores], began);
        else
            _folder.Append(NewRecord(trial, FinalRung) with { Ended = _clock.Elapsed });
        return Result(trial, trained.Model, isComplete: true);

        (SlaTransformer Model, long Steps, RowScores? Scores) Train()
        {
            if (record is null)
                FinishInTime(trial, end, deadline.Token);
            return _runner.Load(trial.Plan!, trial.Configuration, end, isScored: record is null);
        }
    }

    private void FinishInTime(Candidate trial, PlannedEnd end, CancellationToken deadline)
    {
        try
        {
            deadline.ThrowIfCancellationRequested();
            _runner.Finish(trial.Plan!, trial.Configuration, end, deadline);
        }
        catch (OperationCanceledException) when (!IsCancelled && deadline.IsCancellationRequested)
        {
            bool isBegun = _runner.FinalStepsDone(trial.Plan!) > 0;
            TrainerHost.Warn(_channel, isBegun || end.Tail is not null
                ? "The training took longer than was reckoned, and was ended before its schedule was."
                : "The time is over before the first step, which is made all the same: it is too short for these images on this machine.");
            if (!isBegun)
                _runner.Finish(trial.Plan!, trial.Configuration, end, _cancellation, mostSteps: 1);
        }
    }

    /// <summary>The result of a search that was cancelled: the trial as far as it is trained.</summary>
    private SlaExperimentResult Stopped(Candidate trial)
    {
        // As long as the last training has not done more than the trial, there is the trial.
        bool isLeftOut = _runner.FinalStepsDone(trial.Plan!) <= (trial.PublicTrial.Last?.Steps ?? 0);
        var end = isLeftOut ? null : EndOf(trial);
        Show(trial, end);
        return Result(trial, _runner.Load(trial.Plan!, trial.Configuration, end, isScored: false).Model, isComplete: false);
    }

    private SlaExperimentResult Result(Candidate trial, SlaTransformer model, bool isComplete) => new(
        model,
        trial.PublicTrial,
        [.. _trials.Select(t => t.PublicTrial)],
        _runner.Options(trial.Configuration, trial.PublicTrial.Epochs, trial.Plan!.Steps),
        isComplete,
        TimeSpan.FromSeconds(_clock.Elapsed));

    /// <summary>Shows how long a trial's whole training is: as it began, or as it is planned to end.</summary>
    private static void Show(Candidate trial, PlannedEnd? end) => (trial.PublicTrial.Epochs, trial.PublicTrial.Steps) = end is null
        ? (trial.Plan!.Epochs, trial.Plan.Steps)
        : (end.Epochs, end.Steps);

    /// <summary>A token that is cancelled with the search, or at a time of its clock.</summary>
    private CancellationTokenSource Deadline(double? seconds)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        if (seconds is { } at && at <= _clock.Elapsed)
            source.Cancel();
        else if (seconds is { } later)
            source.CancelAfter(TimeSpan.FromSeconds(Math.Min(later - _clock.Elapsed, LongestTimer)));
        return source;
    }

    private void Save(SearchPlan plan)
    {
        _folder.Save(plan);
        _plan = plan;
    }

    private TrialRecord? RecordOf(int trial, int rung) => _folder.Records.FirstOrDefault(record => record.Trial == trial && record.Rung == rung);

    private static TrialRecord NewRecord(Candidate trial, int rung) => new()
    {
        Trial = trial.PublicTrial.Number,
        Configuration = trial.Configuration.Values,
        Seed = trial.PublicTrial.Seed,
        Rung = rung,
    };

    /// <summary>A trial as the search knows it.</summary>
    private sealed class Candidate(Configuration configuration, SlaTrial publicTrial)
    {
        public Configuration Configuration { get; } = configuration;

        /// <summary>What others see of it.</summary>
        public SlaTrial PublicTrial { get; } = publicTrial;

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
