using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>The trials of a search with their results. It passes each result to the folder's record, to the trial, and to the log.</summary>
/// <param name="settings">The metric that decides.</param>
/// <param name="promotion">Ranks the trials.</param>
/// <param name="validationRows">Number of rows that trials are compared on.</param>
/// <param name="folder">The record and the trials' checkpoints.</param>
/// <param name="log">The log and the monitor.</param>
/// <param name="clock">The time of the search.</param>
internal sealed class TrialBook(SearchSettings settings, Promotion promotion, int validationRows, SearchFolder folder, TrialLog log, SearchClock clock)
{
    private readonly List<Candidate> _trials = [];
    private readonly Dictionary<int, (Candidate Trial, RungResult Result)> _bestOfRung = [];
    private (Candidate Trial, RungResult Result)? _bestComplete;

    /// <summary>All trials, in the order in which they began.</summary>
    public IReadOnlyList<Candidate> All => _trials;

    /// <summary>The trials that are still in the search, from the best to the worst.</summary>
    public IReadOnlyList<Candidate> Leaders => [.. promotion.Leaders(_trials)];

    /// <summary>The trials that are still in the search and have no result.</summary>
    public IEnumerable<Candidate> Unmeasured => _trials.Where(trial => trial.IsAlive && trial.PublicTrial.Last is null);

    /// <summary>Adds a trial.</summary>
    public Candidate Add(Configuration configuration)
    {
        var trial = new Candidate(configuration, new SlaTrial(_trials.Count + 1, configuration.Values, settings.BaseOptions.Seed!.Value));
        _trials.Add(trial);
        return trial;
    }

    /// <summary>The record of a trial at a rung; null if there is none.</summary>
    public TrialRecord? RecordOf(int trial, int rung) => folder.Records.FirstOrDefault(record => record.Trial == trial && record.Rung == rung);

    /// <summary>
    /// Runs a function for a trial. If it throws, the trial counts as failed. Cancellation and disk errors pass through, because they are not the
    /// trial's fault.
    /// </summary>
    /// <returns>Whether it succeeded.</returns>
    public bool TryOrBreak<T>(Candidate trial, int rung, Func<T> function, [NotNullWhen(true)] out T? result)
        where T : notnull
    {
        try
        {
            result = function();
            return true;
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or IOException))
        {
            string message = TrialLog.FirstLine(exception);
            if (RecordOf(trial.Number, rung) is null)
                folder.Append(NewRecord(trial, rung) with { Failure = message });
            Break(trial, message);
            result = default;
            return false;
        }
    }

    /// <summary>Restores a trial's result from the record.</summary>
    public void TakeUp(Candidate trial, TrialRecord record)
    {
        if (record.Failure is not null)
            Break(trial, record.Failure);
        else if (record.Interval is not null)
            Add(trial, new RungResult(record.Interval, record.IsRight(validationRows)));
    }

    /// <summary>Records a trial's new result.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="rung">The rung.</param>
    /// <param name="steps">Number of steps done.</param>
    /// <param name="scores">The scores of the validation rows, for each of the trial's trainings.</param>
    /// <param name="began">Seconds from the start of the search to the start of the interval.</param>
    public void Complete(Candidate trial, int rung, long steps, IReadOnlyList<RowScores> scores, double began)
    {
        bool[] isRight = [.. scores.SelectMany(fold => fold.IsRight)];
        var against = BestAt(rung) is { } best ? SlaPairedComparison.Of(isRight, best.Trial.Number, best.Result.IsRight) : null;
        double elapsed = clock.Elapsed;
        var interval = new SlaTrialInterval
        {
            Rung = rung,
            Steps = steps,
            Seconds = elapsed - began,
            Elapsed = elapsed,
            Accuracy = scores.Average(fold => fold.Accuracy),
            MacroAccuracy = scores.Average(fold => fold.MacroAccuracy),
            LogLoss = scores.Average(fold => fold.Loss),
            Against = against,
        };
        folder.Append(NewRecord(trial, rung) with { Interval = interval, Right = TrialRecord.Digits(isRight) });
        log.Measured(trial, interval);
        Add(trial, new RungResult(interval, isRight));
    }

    /// <summary>Records that the winner's training ended without a measurement, because no rows are left to measure it on.</summary>
    public void CompleteUnmeasured(Candidate trial, int rung) => folder.Append(NewRecord(trial, rung) with { Ended = clock.Elapsed });

    /// <summary>Drops a trial from the search because it failed.</summary>
    public void Break(Candidate trial, string message)
    {
        trial.LeaveOut(message);
        DeleteCheckpoints(trial);
        log.Broken(trial);
    }

    /// <summary>Drops all trials but the best and the complete ones.</summary>
    /// <param name="count">The number of trials that continue to be trained.</param>
    public void Promote(int count)
    {
        foreach (var trial in Leaders.Except(promotion.Promoted(_trials, count)))
        {
            trial.LeaveOut();
            DeleteCheckpoints(trial);
        }
    }

    /// <summary>Deletes a trial's checkpoints. The trial can then not be trained further.</summary>
    public void DeleteCheckpoints(Candidate trial) => folder.DeleteCheckpoints(trial.Number);

    private void Add(Candidate trial, RungResult result)
    {
        trial.Add(result);
        int rung = result.Interval.Rung;
        if (!_bestOfRung.TryGetValue(rung, out var best) || IsBetter(result, best.Result))
            _bestOfRung[rung] = (trial, result);
        if (trial.IsComplete && (_bestComplete is null || IsBetter(result, _bestComplete.Value.Result)))
            _bestComplete = (trial, result);
        log.Completed(trial, Leaders is [var leader, ..] ? leader : null);
    }

    /// <summary>The best result at a rung so far. Complete trials are compared at every rung.</summary>
    private (Candidate Trial, RungResult Result)? BestAt(int rung)
    {
        if (!_bestOfRung.TryGetValue(rung, out var best))
            return _bestComplete;
        return _bestComplete is { } complete && IsBetter(complete.Result, best.Result) ? complete : best;
    }

    private bool IsBetter(RungResult result, RungResult other) => settings.Value(result.Interval) > settings.Value(other.Interval);

    private static TrialRecord NewRecord(Candidate trial, int rung) => new()
    {
        Trial = trial.Number,
        Configuration = trial.Configuration.Values,
        Seed = trial.PublicTrial.Seed,
        Rung = rung,
    };
}
