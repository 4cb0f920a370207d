using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Search;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which configurations predict fast enough, from given latencies.</summary>
public sealed class LatencyLimitTests : IDisposable
{
    private static readonly ConfigurationSpace Space = new(
        [.. StandardDimensions.All()], new SlaTrainer.Options { Architecture = Architecture.CifarResNet(20) }, new ImageShape(3, 32, 32), _ => null);

    private readonly MLContext _mlContext = new();
    private readonly List<string> _warnings = [];
    private readonly List<string> _measured = [];
    private readonly IChannel _channel;

    public LatencyLimitTests()
    {
        _channel = ((IChannelProvider)_mlContext).Start("Search");
        _mlContext.Log += (_, entry) =>
        {
            if (entry.Kind == ChannelMessageKind.Warning)
                _warnings.Add(entry.RawMessage);
        };
    }

    public void Dispose() => _channel.Dispose();

    [Fact]
    public void Without_a_ceiling_all_are_allowed_and_none_is_measured()
    {
        var limit = Limit(ceiling: null, _ => 100);
        Assert.True(limit.Allows(Space.Default));
        Assert.Equal("defaults", $"{limit.Baseline(Space)}");
        Assert.Empty(_measured);
    }

    [Fact]
    public void What_takes_as_long_as_the_ceiling_is_allowed_and_what_takes_longer_is_not()
    {
        var limit = Limit(TimeSpan.FromMilliseconds(5), network => network == "cifar-resnet-8" ? 0.005 : 0.0051);
        Assert.True(limit.Allows(Network("cifar-resnet-8")));
        Assert.False(limit.Allows(Network("cifar-resnet-14")));
    }

    [Fact]
    public void The_first_trial_has_the_options_network_or_the_slowest_that_is_fast_enough()
    {
        double Seconds(string network) => network switch
        {
            "cifar-resnet-8" => 0.002,
            "cifar-resnet-14" => 0.004,
            "conv-net-64" => 0.001,
            _ => 0.009,
        };
        Assert.Equal("defaults", $"{Limit(TimeSpan.FromMilliseconds(9), Seconds).Baseline(Space)}");
        Assert.Equal("Architecture=cifar-resnet-14", $"{Limit(TimeSpan.FromMilliseconds(5), Seconds).Baseline(Space)}");
        Assert.Equal("Architecture=conv-net-64", $"{Limit(TimeSpan.FromMilliseconds(1), Seconds).Baseline(Space)}");

        string message = Assert.Throws<InvalidOperationException>(() => Limit(TimeSpan.FromMilliseconds(0.5), Seconds).Baseline(Space)).Message;
        Assert.Contains("takes 1.00 ms with the fastest network (Architecture=conv-net-64), more than the ceiling of 0.50 ms", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_costs_the_same_is_measured_once_and_what_is_known_never()
    {
        var limit = Limit(TimeSpan.FromMilliseconds(5), _ => 0.001, new() { ["cifar-resnet-14"] = 0.006 });
        Assert.True(limit.Allows(Network("cifar-resnet-8")));
        Assert.True(limit.Allows(Network("cifar-resnet-8", ("LearningRate", "0.1"))));
        Assert.False(limit.Allows(Network("cifar-resnet-14")));
        Assert.Equal(["cifar-resnet-8"], _measured);
        Assert.Equal(new Dictionary<string, double> { ["cifar-resnet-14"] = 0.006, ["cifar-resnet-8"] = 0.001 }, limit.Measured);
    }

    [Fact]
    public void What_cannot_be_scored_is_left_out_with_a_warning()
    {
        var limit = Limit(TimeSpan.FromMilliseconds(5), _ => throw new InvalidOperationException("No kernel.\nat some place"));
        Assert.False(limit.Allows(Network("conv-net-64")));
        Assert.False(limit.Allows(Network("conv-net-64")));
        Assert.Equal(["Architecture=conv-net-64 cannot be scored, and is left out: No kernel."], _warnings);
    }

    [Fact]
    public void A_cancellation_while_it_measures_is_no_latency()
    {
        var limit = Limit(TimeSpan.FromMilliseconds(5), _ => throw new OperationCanceledException());
        Assert.Throws<OperationCanceledException>(() => limit.Allows(Space.Default));
        Assert.Empty(limit.Measured);
    }

    private static Configuration Network(string name, params (string Name, string Value)[] others) =>
        new([KeyValuePair.Create("Architecture", name), .. others.Select(other => KeyValuePair.Create(other.Name, other.Value))]);

    private LatencyLimit Limit(TimeSpan? ceiling, Func<string, double> seconds, Dictionary<string, double>? known = null)
    {
        return new(ceiling, known ?? [], NetworkOf, Measure, new TrialLog(_channel, new Silent()));

        static string NetworkOf(Configuration configuration) => configuration.Values.GetValueOrDefault("Architecture", "default");

        double Measure(Configuration configuration)
        {
            _measured.Add(NetworkOf(configuration));
            return seconds(NetworkOf(configuration));
        }
    }

    private sealed class Silent : ISlaExperimentMonitor;
}
