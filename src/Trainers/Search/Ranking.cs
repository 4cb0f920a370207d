namespace Microsoft.ML.Sla.Search;

/// <summary>The result of a trial at a rung.</summary>
/// <param name="Interval">Its metrics.</param>
/// <param name="IsRight">Whether each validation row is right.</param>
internal sealed record RungResult(SlaTrialInterval Interval, bool[] IsRight);

/// <summary>The order of trials at a rung.</summary>
internal static class Ranking
{
    /// <summary>How many standard errors two trials must differ by to be told apart: those of the 95 % interval.</summary>
    private const double ErrorsApart = 2;

    /// <summary>
    /// Trials from the best to the worst. Where micro accuracy decides, trials whose 95 % interval of the difference holds zero are not told apart. Of those
    /// that are so close to the highest accuracy, the lowest log-loss is first.
    /// </summary>
    /// <param name="trials">The trials.</param>
    /// <param name="result">The result of a trial.</param>
    /// <param name="settings">The metric that decides.</param>
    /// <param name="variety">Decides before the log-loss where trials are not told apart: the higher is first. Null for nothing.</param>
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
    /// The log-loss that is expected at the end of a training: that of a power law, one of the learning curves of Domhan et al. (2015), through its last two
    /// rungs. With one rung, the log-loss there.
    /// </summary>
    /// <param name="rungs">The metrics at its rungs, ascending; one at least.</param>
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
