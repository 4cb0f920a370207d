namespace Microsoft.ML.Sla.Search;

/// <summary>A trial of a running search.</summary>
/// <param name="configuration">The trial's configuration.</param>
/// <param name="publicTrial">The trial as callers and monitors see it.</param>
internal sealed class Candidate(Configuration configuration, SlaTrial publicTrial)
{
    public int Number => PublicTrial.Number;

    public Configuration Configuration { get; } = configuration;

    /// <summary>The trial as callers and monitors see it.</summary>
    public SlaTrial PublicTrial { get; } = publicTrial;

    /// <summary>The plan of its training; null if the trial failed before the training was planned.</summary>
    public PlannedTrial? Plan { get; private set; }

    /// <summary>The result of the latest interval; not set before the first interval ends.</summary>
    public RungResult Result { get; private set; } = null!;

    /// <summary>Whether the trial is still in the search: it has neither failed nor been dropped at a rung.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Whether its training was measured at its end, so that nothing of it is left to train.</summary>
    public bool IsComplete => Plan is not null && PublicTrial.IsComplete;

    /// <summary>Sets the plan of its training, and shows its length to callers.</summary>
    public void Begin(PlannedTrial plan)
    {
        Plan = plan;
        ShowLength(end: null);
    }

    /// <summary>Adds the result of an interval.</summary>
    public void Add(RungResult result)
    {
        PublicTrial.Add(result.Interval);
        Result = result;
    }

    /// <summary>Drops the trial from the search.</summary>
    /// <param name="failure">Why the trial failed; null if other trials are better.</param>
    public void LeaveOut(string? failure = null)
    {
        IsAlive = false;
        PublicTrial.Failure = failure;
    }

    /// <summary>Shows the length of the whole training to callers.</summary>
    /// <param name="end">The plan of the rest of the training; null for the length that it began with.</param>
    public void ShowLength(PlannedEnd? end) => (PublicTrial.Epochs, PublicTrial.Steps) = end is null
        ? (Plan!.Epochs, Plan.Steps)
        : (end.Epochs, end.Steps);
}
