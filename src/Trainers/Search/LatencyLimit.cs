namespace Microsoft.ML.Sla.Search;

/// <summary>Which configurations predict fast enough. Those whose predictions cost the same are measured once.</summary>
/// <param name="ceiling">Time that a prediction may take; null for any.</param>
/// <param name="known">Seconds that were measured before the search was resumed.</param>
/// <param name="costOf">What the latency of a configuration depends on.</param>
/// <param name="measure">Measures the seconds of a configuration's prediction.</param>
/// <param name="log">Where a configuration is named that cannot be measured.</param>
internal sealed class LatencyLimit(
    TimeSpan? ceiling, IReadOnlyDictionary<string, double> known, Func<Configuration, string> costOf, Func<Configuration, double> measure, TrialLog log)
{
    private readonly Dictionary<string, double> _seconds = new(known);

    /// <summary>The seconds that were measured, by what they depend on.</summary>
    public IReadOnlyDictionary<string, double> Measured => _seconds;

    /// <summary>Whether a configuration predicts fast enough. Nothing is measured where there is no ceiling.</summary>
    public bool Allows(Configuration configuration) => ceiling is not { } limit || Seconds(configuration) <= limit.TotalSeconds;

    /// <summary>The configuration of the first trial: the default, or, where that is too slow, the default with the slowest network that is not.</summary>
    /// <exception cref="InvalidOperationException">All networks are too slow.</exception>
    public Configuration Baseline(ConfigurationSpace space)
    {
        if (Allows(space.Default))
            return space.Default;

        var networks = space.ByArchitecture().Prepend(space.Default).OrderByDescending(Seconds).ToList();
        return networks.Find(Allows) ?? throw new InvalidOperationException(FormattableString.Invariant(
            $"A prediction takes {1000 * Seconds(networks[^1]):F2} ms with the fastest network ({networks[^1]}), more than the ceiling of {ceiling!.Value.TotalMilliseconds:F2} ms. Raise it, add a smaller network to the search space, or ask for an inference of one view."));
    }

    /// <summary>Seconds of a prediction. A configuration that cannot be measured is as slow as can be.</summary>
    private double Seconds(Configuration configuration)
    {
        string cost = costOf(configuration);
        if (!_seconds.TryGetValue(cost, out double seconds))
        {
            try
            {
                seconds = measure(configuration);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                seconds = double.MaxValue;
                log.CannotBeScored(configuration, exception);
            }

            _seconds[cost] = seconds;
        }

        return seconds;
    }
}
