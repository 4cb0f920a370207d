namespace Microsoft.ML.Sla;

/// <summary>The metric by which an <see cref="SlaExperiment"/> compares trials on the validation rows.</summary>
public enum SearchMetric
{
    /// <summary>Share of the rows whose class is predicted. Higher is better.</summary>
    MicroAccuracy,

    /// <summary>Share of each class's rows whose class is predicted, averaged over the classes. Higher is better. For classes of uneven sizes.</summary>
    MacroAccuracy,

    /// <summary>Mean cross-entropy. Lower is better. For uses that need good probabilities.</summary>
    LogLoss,
}
