namespace Microsoft.ML.Sla.Search;

/// <summary>What a search looks for, in what, and for how long. See <see cref="SlaExperiment"/>.</summary>
/// <param name="BaseOptions">The options of the experiment, with the seed and the inference. A trial's configuration changes some of them.</param>
/// <param name="Dimensions">What is chosen.</param>
/// <param name="Metric">What trials are compared by.</param>
/// <param name="LatencyCeiling">Time that a prediction may take; null for any.</param>
/// <param name="Time">Time of the search; null where the number of epochs is given.</param>
/// <param name="MaxTrials">Number of trials at most; null for any.</param>
internal sealed record SearchSettings(
    SlaTrainer.Options BaseOptions, IReadOnlyList<Dimension> Dimensions, SearchMetric Metric, TimeSpan? LatencyCeiling, TimeSpan? Time, int? MaxTrials)
{
    /// <summary>A number that is higher for the better of two intervals.</summary>
    public double Value(SlaTrialInterval interval) => Metric switch
    {
        SearchMetric.MicroAccuracy => interval.Accuracy,
        SearchMetric.MacroAccuracy => interval.MacroAccuracy,
        _ => -interval.LogLoss,
    };

    /// <summary>What makes two searches the same one, besides their rows and options.</summary>
    public IEnumerable<(string Name, string Value)> Identity =>
    [
        ("Search space", string.Join("; ", Dimensions)),
        ("Metric", $"{Metric}, {BaseOptions.Inference?.ToString() ?? "the objective's inference"}, {LatencyCeiling?.ToString() ?? "any latency"}"),
        ("Time", Time?.ToString() ?? "any"),
        ("Trials", MaxTrials?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"),
    ];
}
