namespace Microsoft.ML.Sla.Search;

/// <summary>What a search is asked for. See <see cref="SlaExperiment"/>.</summary>
/// <param name="Given">The options that all trials share, with the seed and the inference.</param>
/// <param name="Dimensions">What is chosen.</param>
/// <param name="Metric">What trials are compared by.</param>
/// <param name="LatencyCeiling">Time that a prediction may take; null for any.</param>
/// <param name="Time">Time of the search; null where the number of epochs is given.</param>
/// <param name="MostTrials">Number of trials at most; null for any.</param>
internal sealed record SearchSettings(
    SlaTrainer.Options Given, IReadOnlyList<Dimension> Dimensions, SearchMetric Metric, TimeSpan? LatencyCeiling, TimeSpan? Time, int? MostTrials)
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
        ("Metric", $"{Metric}, {Given.Inference?.ToString() ?? "the objective's inference"}, {LatencyCeiling?.ToString() ?? "any latency"}"),
        ("Time", Time?.ToString() ?? "any"),
        ("Trials", MostTrials?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"),
    ];
}
