using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which configurations a search tries, without training any.</summary>
public sealed class ProposalsTests
{
    [Fact]
    public void Sets_come_first_then_augmentations_then_configurations_around_both_bases()
    {
        var names = Proposed(count: 14, ceiling: null);
        Assert.Equal(
            ["Transformations=none", "Transformations=rotation2", "Transformations=hflip", "Transformations=vflip", "Transformations=color3", "Transformations=color", "Transformations=rotation+color3", "Augmentation=strong", "Augmentation=crop"],
            names.Take(9));
        Assert.Equal(13, names.Distinct().Count());

        // The best trial of another set is the first one here: every second draw is around it.
        Assert.Equal([false, true, false], names.Skip(9).Take(3).Select(name => name.Contains("Transformations=none", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_third_of_a_small_search_is_not_of_sets() =>
        Assert.Equal(["Transformations=none", "Transformations=rotation2", "Transformations=hflip", "Augmentation=strong"], Proposed(count: 6, ceiling: null).Take(4));

    [Fact]
    public void What_predicts_too_slowly_is_not_proposed()
    {
        var names = Proposed(count: 14, TimeSpan.FromMilliseconds(5));
        Assert.DoesNotContain("Transformations=rotation+color3", names);
        Assert.Equal(["Transformations=color", "Augmentation=strong"], names.Skip(5).Take(2));
    }

    [Fact]
    public void The_same_seed_proposes_the_same()
    {
        Assert.Equal(Proposed(count: 14, ceiling: null), Proposed(count: 14, ceiling: null));
        Assert.NotEqual(Proposed(count: 14, ceiling: null), Proposed(count: 14, ceiling: null, seed: 2));
    }

    /// <summary>The names of the proposals, the best other trial being the second one.</summary>
    private static List<string> Proposed(int count, TimeSpan? ceiling, int seed = 1)
    {
        var options = new SlaTrainer.Options { Augmentations = [ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()] };
        var space = new ConfigurationSpace([.. StandardDimensions.All()], options, new ImageShape(3, 32, 32), _ => null);
        using var channel = ((IChannelProvider)new MLContext()).Start("Search");
        var latency = new LatencyLimit(
            ceiling, new Dictionary<string, double>(), space.Views, configuration => space.Views(configuration).Contains('+', StringComparison.Ordinal) ? 0.01 : 0.001, new TrialLog(channel, new Silent()));
        var trials = new List<Candidate> { NewTrial(1, space.Default) };
        foreach (var configuration in new Proposals(space, space.Default, count, seed, latency).After(trials, () => trials[1]))
            trials.Add(NewTrial(trials.Count + 1, configuration));
        Assert.Equal(count, trials.Count);
        return [.. trials.Skip(1).Select(trial => trial.PublicTrial.Name)];
    }

    private static Candidate NewTrial(int number, Configuration configuration) => new(configuration, new SlaTrial(number, configuration.Values, seed: 1));

    private sealed class Silent : ISlaExperimentMonitor;
}
