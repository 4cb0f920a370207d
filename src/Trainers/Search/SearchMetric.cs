namespace Microsoft.ML.Sla;

/// <summary>What an <see cref="SlaExperiment"/> compares trials by, on the validation rows.</summary>
public enum SearchMetric
{
    /// <summary>Share of the rows whose class is predicted; the higher, the better.</summary>
    MicroAccuracy,

    /// <summary>Mean over the classes of the share of their rows; the higher, the better. For classes of uneven sizes.</summary>
    MacroAccuracy,

    /// <summary>Mean cross-entropy; the lower, the better. Where the probabilities count.</summary>
    LogLoss,
}
