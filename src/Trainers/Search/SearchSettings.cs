namespace Microsoft.ML.Sla.Search;

/// <summary>The settings of a search: its goal, its space and its limits. See <see cref="SlaExperiment"/>.</summary>
/// <param name="BaseOptions">The options of the experiment, with the seed and the inference. A trial's configuration changes some of them.</param>
/// <param name="Dimensions">The dimensions to choose values for.</param>
/// <param name="Metric">The metric by which trials are compared.</param>
/// <param name="LatencyCeiling">The longest time that a prediction may take; null for no limit.</param>
/// <param name="Time">Time of the search; null if the options give the number of epochs.</param>
/// <param name="MaxTrials">The most trials; null for no limit.</param>
internal sealed record SearchSettings(
    SlaTrainer.Options BaseOptions, IReadOnlyList<Dimension> Dimensions, SearchMetric Metric, TimeSpan? LatencyCeiling, TimeSpan? Time, int? MaxTrials)
{
    /// <summary>The value of an interval by the metric. Higher is better.</summary>
    public double Value(SlaTrialInterval interval) => Metric switch
    {
        SearchMetric.MicroAccuracy => interval.Accuracy,
        SearchMetric.MacroAccuracy => interval.MacroAccuracy,
        _ => -interval.LogLoss,
    };

    /// <summary>The entries that identify a search, besides its rows and options.</summary>
    public IEnumerable<(string Name, string Value)> Identity =>
    [
        ("Search space", string.Join("; ", Dimensions)),
        ("Metric", $"{Metric}, {BaseOptions.Inference?.ToString() ?? "the objective's inference"}, {LatencyCeiling?.ToString() ?? "any latency"}"),
        ("Time", Time?.ToString() ?? "any"),
        ("Trials", MaxTrials?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"),
    ];
}
