namespace Microsoft.ML.Sla.Search;

/// <summary>Which configurations a search tries besides the baseline, and in which order.</summary>
/// <param name="space">The configurations that there are.</param>
/// <param name="baseline">The configuration of the first trial.</param>
/// <param name="count">Number of trials of the search.</param>
/// <param name="seed">The seed of random configurations.</param>
/// <param name="latency">Leaves out what predicts too slowly.</param>
internal sealed class Proposals(ConfigurationSpace space, Configuration baseline, int count, int seed, LatencyLimit latency)
{
    private const int MaxDraws = 1000;

    /// <summary>
    /// The baseline under other sets of transformations, then with the augmentations that are tried by rule, then random configurations around the baseline
    /// and around the best trial of another set, in turn.
    /// </summary>
    /// <param name="trials">The trials so far. Each proposal must become one before the next is taken.</param>
    /// <param name="bestOfOtherViews">The best trial so far that learns from another set of views than the baseline; null where there is none.</param>
    public IEnumerable<Configuration> After(IReadOnlyList<Candidate> trials, Func<Candidate?> bestOfOtherViews)
    {
        int sets = Math.Max(0, count - 1 - (count / 3));
        foreach (var configuration in space.ByTransformations(baseline).Where(IsPossible).Take(sets))
            yield return configuration;

        int augmented = (count - trials.Count) / 2;
        foreach (var configuration in space.ByAugmentation(baseline).Where(IsPossible).Take(augmented))
            yield return configuration;

        Configuration[] starts = bestOfOtherViews() is { } best ? [baseline, best.Configuration] : [baseline];
        foreach (var configuration in Drawn(starts, trials))
            yield return configuration;
    }

    /// <summary>New random configurations around some, in turn, until there are as many trials as planned.</summary>
    private IEnumerable<Configuration> Drawn(Configuration[] starts, IReadOnlyList<Candidate> trials)
    {
        var random = new Random(seed);
        for (int draw = 0; draw < MaxDraws && trials.Count < count; draw++)
        {
            var configuration = space.Draw(random, starts[trials.Count % starts.Length]);
            bool isNew = trials.All(trial => $"{trial.Configuration}" != $"{configuration}");
            if (isNew && IsPossible(configuration))
                yield return configuration;
        }
    }

    /// <summary>Whether a configuration can be trained, and predicts fast enough.</summary>
    private bool IsPossible(Configuration configuration) => space.Objection(configuration) is null && latency.Allows(configuration);
}
