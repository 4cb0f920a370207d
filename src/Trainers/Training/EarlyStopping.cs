namespace Microsoft.ML.Sla;

/// <summary>Ends a training run whose validation accuracy no longer rises.</summary>
public sealed record EarlyStopping
{
    /// <summary>The run ends after this many epochs without a rise, 1 or more. Default 20.</summary>
    public int Patience { get; init; } = 20;

    /// <summary>The accuracy must rise by more than this, 0 to below 1. Default 0: any rise counts.</summary>
    public double MinDelta { get; init; }

    /// <summary>Whether the run should end after these epochs.</summary>
    internal bool Stops(IReadOnlyList<EpochMetrics> epochs)
    {
        double best = double.NegativeInfinity;
        int waited = 0;
        foreach (var epoch in epochs)
        {
            bool rises = epoch.ValidationAccuracy > best + MinDelta || best == double.NegativeInfinity;
            waited = rises ? 0 : waited + 1;
            if (rises)
                best = epoch.ValidationAccuracy ?? best;
        }

        return waited >= Patience;
    }
}
