namespace Microsoft.ML.Sla;

/// <summary>What happens to a row whose image cannot be read.</summary>
public enum UnreadableImageHandling
{
    /// <summary>Fit fails, before training, with the row and its file.</summary>
    Fail,

    /// <summary>The row is left out, named in the log, and counted in <see cref="TrainingHistory.UnreadableImages"/>.</summary>
    Skip,
}
