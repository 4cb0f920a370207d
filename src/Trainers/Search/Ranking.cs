namespace Microsoft.ML.Sla.Search;

/// <summary>What came of a trial at a rung.</summary>
/// <param name="Interval">Its measures.</param>
/// <param name="IsRight">Whether each validation row is right.</param>
internal sealed record RungResult(SlaTrialInterval Interval, bool[] IsRight);

/// <summary>The order of trials at a rung.</summary>
internal static class Ranking
{
    /// <summary>How many standard errors a difference must be for its trials to be told apart: the 95 % interval.</summary>
    private const double ErrorsApart = 2;

    /// <summary>
    /// Trials from the best to the worst. Where micro accuracy decides, a difference within the 95 % interval of none, on the rows that both have seen, tells
    /// nothing, and of all trials that are so close to the best one the lowest log-loss is first: it says who still has something to learn.
    /// </summary>
    /// <param name="trials">The trials.</param>
    /// <param name="result">What came of one.</param>
    /// <param name="settings">What decides.</param>
    /// <param name="variety">What comes before the log-loss where trials are not told apart: the higher one is first. Null where nothing does.</param>
    public static IEnumerable<T> BestFirst<T>(IEnumerable<T> trials, Func<T, RungResult> result, SearchSettings settings, Func<T, int>? variety = null)
    {
        var rest = trials.OrderByDescending(trial => settings.Value(result(trial).Interval)).ThenBy(trial => result(trial).Interval.LogLoss).ToList();
        while (rest.Count > 0)
        {
            var highest = result(rest[0]);
            var first = rest.Where(trial => AreClose(highest, result(trial), settings))
                .OrderByDescending(trial => variety?.Invoke(trial) ?? 0)
                .ThenBy(trial => result(trial).Interval.LogLoss)
                .First();
            rest.Remove(first);
            yield return first;
        }
    }

    /// <summary>
    /// The log-loss that a training comes to when it goes on as it did between its last two rungs: a power law, one of the learning curves of
    /// Domhan et al. (2015), through both. Of one rung, the log-loss there.
    /// </summary>
    /// <param name="rungs">The measures at its rungs, ascending; one at least.</param>
    /// <param name="steps">Steps of the whole training.</param>
    public static double ExpectedLogLoss(IReadOnlyList<SlaTrialInterval> rungs, long steps)
    {
        var last = rungs[^1];
        if (rungs.Count == 1 || rungs[^2] is not { LogLoss: > 0 } before || before.Steps == last.Steps)
            return last.LogLoss;
        double rungsLeft = Math.Log((double)steps / last.Steps) / Math.Log((double)last.Steps / before.Steps);
        return last.LogLoss * Math.Pow(last.LogLoss / before.LogLoss, rungsLeft);
    }

    private static bool AreClose(RungResult highest, RungResult other, SearchSettings settings) =>
        settings.Metric == SearchMetric.MicroAccuracy
            ? highest.Interval.Accuracy - other.Interval.Accuracy <= ErrorsApart * SlaPairedComparison.Of(highest.IsRight, trial: 0, other.IsRight).StandardError
            : settings.Value(highest.Interval) == settings.Value(other.Interval);
}
