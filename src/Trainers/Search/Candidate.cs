namespace Microsoft.ML.Sla.Search;

/// <summary>A trial of a running search.</summary>
/// <param name="configuration">Its configuration.</param>
/// <param name="publicTrial">What callers and monitors see of it.</param>
internal sealed class Candidate(Configuration configuration, SlaTrial publicTrial)
{
    public int Number => PublicTrial.Number;

    public Configuration Configuration { get; } = configuration;

    /// <summary>What callers and monitors see of it.</summary>
    public SlaTrial PublicTrial { get; } = publicTrial;

    /// <summary>Its whole training; null where the trial broke before the training was planned.</summary>
    public PlannedTrial? Plan { get; private set; }

    /// <summary>The result of its last interval; not set before the first one.</summary>
    public RungResult Result { get; private set; } = null!;

    /// <summary>Whether it is still in the search: it neither broke nor was left out at a rung.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Sets its whole training, whose length callers see.</summary>
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

    /// <summary>Takes it out of the search.</summary>
    /// <param name="failure">Why it broke; null where others were better.</param>
    public void LeaveOut(string? failure = null)
    {
        IsAlive = false;
        PublicTrial.Failure = failure;
    }

    /// <summary>Shows the length of its whole training.</summary>
    /// <param name="end">How it is trained to its end; null for the length that it began with.</param>
    public void ShowLength(PlannedEnd? end) => (PublicTrial.Epochs, PublicTrial.Steps) = end is null
        ? (Plan!.Epochs, Plan.Steps)
        : (end.Epochs, end.Steps);
}
