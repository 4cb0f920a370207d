namespace Microsoft.ML.Sla.Search;

/// <summary>
/// Proposes the configurations with a frozen backbone. The search knows their cost beforehand and none depends on the result of another, so all are
/// decided at once.
/// </summary>
/// <param name="space">The possible configurations.</param>
/// <param name="seed">The seed of random configurations.</param>
/// <param name="latency">Excludes configurations that predict too slowly.</param>
internal sealed class FrozenProposals(ConfigurationSpace space, int seed, LatencyLimit latency)
{
    private const int MaxDraws = 100;

    /// <summary>The most proposals for a backbone. There is seldom time for more.</summary>
    private const int MaxOfBackbone = 40;

    /// <summary>The configurations, the backbones in turn.</summary>
    public IEnumerable<Configuration> All()
    {
        Configuration[][] ofBackbones = [.. space.ByBackbone().Where(space.IsFrozen).Select(start => Of(start).Take(MaxOfBackbone).ToArray())];
        return InTurn(ofBackbones);
    }

    /// <summary>
    /// The configurations with a backbone: its default, other objectives on its views and other sets of transformations in turn, the objectives on these
    /// sets, and random ones. Those with fewer views come first, because each view of each image takes a pass through the network.
    /// </summary>
    private IEnumerable<Configuration> Of(Configuration start)
    {
        Configuration[] objectives = [.. FewestViewsFirst(space.ByObjective(start).SelectMany(WithAugmentations))];
        Configuration[] sets = [.. FewestViewsFirst(space.ByTransformations(start))];
        IEnumerable<Configuration> all = [start, .. InTurn(objectives, sets), .. sets.SelectMany(space.ByObjective), .. Drawn(start)];
        return all.DistinctBy(space.EssenceOfFrozen).Where(configuration => space.Objection(configuration) is null && latency.Allows(configuration));
    }

    private static IEnumerable<Configuration> InTurn(params Configuration[][] lists) =>
        Enumerable.Range(0, lists.Max(list => (int?)list.Length) ?? 0).SelectMany(i => lists.Where(list => i < list.Length).Select(list => list[i]));

    private IEnumerable<Configuration> WithAugmentations(Configuration configuration) => space.ByAugmentation(configuration).Prepend(configuration);

    private IEnumerable<Configuration> FewestViewsFirst(IEnumerable<Configuration> configurations) => configurations.OrderBy(Views);

    private IEnumerable<Configuration> Drawn(Configuration start)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, MaxDraws).Select(_ => space.Draw(random, start))];
    }

    private int Views(Configuration configuration) => space.Options(configuration).LearnedTransformations.Count;
}
