namespace Microsoft.ML.Sla;

/// <summary>What a trainer does with a row whose image cannot be read.</summary>
public enum UnreadableImageHandling
{
    /// <summary>Fit throws before training. The message names the row and its file.</summary>
    Fail,

    /// <summary>The trainer leaves the row out, names it in the log, and counts it in <see cref="TrainingHistory.UnreadableImages"/>.</summary>
    Skip,
}
