namespace Microsoft.ML.Sla.Search;

/// <summary>Decides which configurations predict fast enough. It measures configurations with the same latency key once.</summary>
/// <param name="ceiling">The longest time that a prediction may take; null for no limit.</param>
/// <param name="known">Seconds by latency key, measured before the search was resumed.</param>
/// <param name="costOf">Returns a configuration's latency key, a text of everything that its latency depends on.</param>
/// <param name="measure">Measures the seconds that a configuration's prediction takes.</param>
/// <param name="log">Names configurations that cannot be measured.</param>
internal sealed class LatencyLimit(
    TimeSpan? ceiling, IReadOnlyDictionary<string, double> known, Func<Configuration, string> costOf, Func<Configuration, double> measure, TrialLog log)
{
    private readonly Dictionary<string, double> _seconds = new(known);

    /// <summary>The measured seconds by latency key.</summary>
    public IReadOnlyDictionary<string, double> Measured => _seconds;

    /// <summary>Whether a configuration predicts fast enough. Without a ceiling, this measures nothing.</summary>
    public bool Allows(Configuration configuration) => ceiling is not { } limit || Seconds(configuration) <= limit.TotalSeconds;

    /// <summary>The configuration of the first trial: the default. If its network is too slow, the default with the slowest network that is not.</summary>
    /// <exception cref="InvalidOperationException">All networks are too slow.</exception>
    public Configuration Baseline(ConfigurationSpace space)
    {
        if (Allows(space.Default))
            return space.Default;

        var networks = space.ByArchitecture().Prepend(space.Default).OrderByDescending(Seconds).ToList();
        return networks.Find(Allows) ?? throw new InvalidOperationException(FormattableString.Invariant(
            $"A prediction takes {1000 * Seconds(networks[^1]):F2} ms with the fastest network ({networks[^1]}), more than the ceiling of {ceiling!.Value.TotalMilliseconds:F2} ms. Raise it, add a smaller network to the search space, or ask for an inference of one view."));
    }

    /// <summary>Seconds of a prediction. A configuration that cannot be measured counts as infinitely slow.</summary>
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
