namespace Microsoft.ML.Sla.Search;

/// <summary>The result of a trial at a rung.</summary>
/// <param name="Interval">The metrics at the rung.</param>
/// <param name="IsRight">Whether the trial predicts each validation row correctly.</param>
internal sealed record RungResult(SlaTrialInterval Interval, bool[] IsRight);

/// <summary>The order of trials at a rung.</summary>
internal static class Ranking
{
    /// <summary>Two trials differ significantly if their difference exceeds this many standard errors, those of a 95% interval.</summary>
    private const double ErrorsApart = 2;

    /// <summary>
    /// Orders trials from the best to the worst. If micro accuracy decides, two trials differ significantly if the 95% interval of their difference excludes
    /// zero. Among the trials without a significant difference to the most accurate one, the one with the lowest log-loss comes first.
    /// </summary>
    /// <param name="trials">The trials.</param>
    /// <param name="result">Returns the result of a trial.</param>
    /// <param name="settings">The metric that decides.</param>
    /// <param name="variety">Orders trials without a significant difference, before the log-loss does; higher values come first. Default null: unused.</param>
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
    /// The expected log-loss at the end of a training. It extrapolates the last two rungs by a power law, one of the learning curves of Domhan et al. (2015).
    /// With one rung, it is the log-loss there.
    /// </summary>
    /// <param name="rungs">The metrics at the training's rungs, ascending; at least one.</param>
    /// <param name="steps">Steps of the whole training.</param>
    public static double ExpectedLogLoss(IReadOnlyList<SlaTrialInterval> rungs, long steps)
    {
        var last = rungs[^1];
        if (rungs.Count == 1 || rungs[^2] is not { LogLoss: > 0 } before || before.Steps == last.Steps)
            return last.LogLoss;
        double rungsLeft = Math.Log((double)steps / last.Steps) / Math.Log((double)last.Steps / before.Steps);
        return last.LogLoss * Math.Pow(last.LogLoss / before.LogLoss, rungsLeft);
    }

    /// <summary>Whether a result is significantly more accurate than another.</summary>
    public static bool IsMoreAccurate(RungResult result, RungResult other) =>
        result.Interval.Accuracy - other.Interval.Accuracy > ErrorsApart * SlaPairedComparison.Of(result.IsRight, trial: 0, other.IsRight).StandardError;

    private static bool AreClose(RungResult highest, RungResult other, SearchSettings settings) =>
        settings.Metric == SearchMetric.MicroAccuracy
            ? !IsMoreAccurate(highest, other)
            : settings.Value(highest.Interval) == settings.Value(other.Interval);
}
