using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>What a search has decided, partly by the speed of the machine. It is recorded so that a resumed search decides the same.</summary>
/// <param name="Identity">What makes two searches the same one.</param>
/// <param name="Baseline">The configuration of the first trial.</param>
/// <param name="Ladder">The trials and rungs.</param>
/// <param name="TrainingSeconds">Time of the winner's whole training; null where the number of epochs is given.</param>
/// <param name="OverheadSeconds">Time that a training takes around its steps: for its set-up and its measurement.</param>
/// <param name="Trials">The trials that were planned, in order.</param>
/// <param name="Latencies">Seconds that a prediction takes, by what they depend on. Only those that were measured.</param>
/// <param name="Final">How the winner is trained to its end; null before there is a winner.</param>
internal sealed record SearchPlan(
    IReadOnlyDictionary<string, string> Identity,
    [property: JsonPropertyName("usual")] IReadOnlyDictionary<string, string> Baseline,
    Ladder Ladder,
    double? TrainingSeconds,
    double OverheadSeconds,
    IReadOnlyList<PlannedTrial> Trials,
    IReadOnlyDictionary<string, double> Latencies,
    PlannedEnd? Final)
{
    /// <summary>A plan in which nothing is decided.</summary>
    public static SearchPlan Empty { get; } = new(
        new Dictionary<string, string>(), new Dictionary<string, string>(), Ladder.ForTrials(1, folds: 1), TrainingSeconds: null, OverheadSeconds: 0, [], new Dictionary<string, double>(), Final: null);
}

/// <summary>A trial's whole training.</summary>
/// <param name="Number">The trial's number.</param>
/// <param name="Configuration">Its values by dimension.</param>
/// <param name="Epochs">Its epochs.</param>
/// <param name="Steps">Its steps.</param>
internal sealed record PlannedTrial(int Number, IReadOnlyDictionary<string, string> Configuration, int Epochs, long Steps);

/// <summary>How the winner is trained to its end, in the time that was left for it.</summary>
/// <param name="Trial">The trial's number.</param>
/// <param name="Epochs">The epochs of its whole training.</param>
/// <param name="Steps">The steps of it.</param>
/// <param name="Tail">Where its schedule changes from the one that it began with; null where it keeps it, or begins anew.</param>
internal sealed record PlannedEnd(int Trial, int Epochs, long Steps, ScheduleTail? Tail);
