namespace Microsoft.ML.Sla.Search;

/// <summary>Proposes the configurations that a search tries after the baseline, in order.</summary>
/// <param name="space">The possible configurations.</param>
/// <param name="baseline">The configuration of the first trial.</param>
/// <param name="count">Number of trials, without those before the baseline.</param>
/// <param name="seed">The seed of random configurations.</param>
/// <param name="latency">Excludes configurations that predict too slowly.</param>
internal sealed class Proposals(ConfigurationSpace space, Configuration baseline, int count, int seed, LatencyLimit latency)
{
    private const int MaxDraws = 1000;

    /// <summary>
    /// Proposes the baseline with other sets of transformations first, and then with the augmentations that are tried by rule. After these come random
    /// configurations, in turn around the baseline and around the best trial of another set.
    /// </summary>
    /// <param name="trials">The trials so far, the last of which is the baseline. The caller must turn each proposal into a trial before it takes the next.</param>
    /// <param name="bestOfOtherViews">Returns the best trial so far whose set of views is not the baseline's; null if there is none.</param>
    public IEnumerable<Configuration> After(IReadOnlyList<Candidate> trials, Func<Candidate?> bestOfOtherViews)
    {
        int before = trials.Count - 1;
        int sets = Math.Max(0, count - 1 - (count / 3));
        foreach (var configuration in space.ByTransformations(baseline).Where(IsPossible).Take(sets))
            yield return configuration;

        int augmented = (before + count - trials.Count) / 2;
        foreach (var configuration in space.ByAugmentation(baseline).Where(IsPossible).Take(augmented))
            yield return configuration;

        Configuration[] starts = bestOfOtherViews() is { } best ? [baseline, best.Configuration] : [baseline];
        foreach (var configuration in Drawn(starts, trials, before))
            yield return configuration;
    }

    /// <summary>Draws new configurations around each start in turn, until there are as many trials as planned.</summary>
    private IEnumerable<Configuration> Drawn(Configuration[] starts, IReadOnlyList<Candidate> trials, int before)
    {
        var random = new Random(seed);
        for (int draw = 0; draw < MaxDraws && trials.Count < before + count; draw++)
        {
            var configuration = space.Draw(random, starts[(trials.Count - before) % starts.Length]);
            bool isNew = trials.All(trial => $"{trial.Configuration}" != $"{configuration}");
            if (isNew && IsPossible(configuration))
                yield return configuration;
        }
    }

    /// <summary>Whether a configuration can be trained and predicts fast enough.</summary>
    private bool IsPossible(Configuration configuration) => space.Objection(configuration) is null && latency.Allows(configuration);
}
