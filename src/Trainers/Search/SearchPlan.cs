using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>
/// The decisions of a search, some of which depend on the speed of the machine. The search records them so that a resumed search keeps them.
/// </summary>
/// <param name="Identity">Identifies the search.</param>
/// <param name="Baseline">The configuration of the first trial of the ladder.</param>
/// <param name="Frozen">The configurations with a frozen backbone, in the order in which they are tried. They are tried before the ladder.</param>
/// <param name="FrozenEnd">Seconds from the start of the search after which no further one of them begins; null without a time limit.</param>
/// <param name="Ladder">The other trials, and the rungs.</param>
/// <param name="TrainingSeconds">Time of the winner's whole training; null if the options give the number of epochs.</param>
/// <param name="OverheadSeconds">Time of a training besides its steps: for set-up and measurement.</param>
/// <param name="Trials">The planned trials, in order.</param>
/// <param name="Latencies">The measured seconds of a prediction by latency key (<see cref="LatencyLimit"/>).</param>
/// <param name="Final">The plan of the winner's last training; null before there is a winner.</param>
internal sealed record SearchPlan(
    IReadOnlyDictionary<string, string> Identity,
    [property: JsonPropertyName("usual")] IReadOnlyDictionary<string, string> Baseline,
    IReadOnlyList<IReadOnlyDictionary<string, string>> Frozen,
    double? FrozenEnd,
    Ladder Ladder,
    double? TrainingSeconds,
    double OverheadSeconds,
    IReadOnlyList<PlannedTrial> Trials,
    IReadOnlyDictionary<string, double> Latencies,
    PlannedEnd? Final)
{
    /// <summary>A plan without decisions.</summary>
    public static SearchPlan Empty { get; } = new(
        new Dictionary<string, string>(), new Dictionary<string, string>(), [], FrozenEnd: null, Ladder.ForTrials(1, folds: 1), TrainingSeconds: null, OverheadSeconds: 0, [], new Dictionary<string, double>(), Final: null);
}

/// <summary>The plan of a trial's whole training.</summary>
/// <param name="Number">The trial's number.</param>
/// <param name="Configuration">The trial's values by dimension.</param>
/// <param name="Epochs">Number of epochs.</param>
/// <param name="Steps">Number of steps.</param>
internal sealed record PlannedTrial(int Number, IReadOnlyDictionary<string, string> Configuration, int Epochs, long Steps);

/// <summary>The plan of the winner's last training, in the time that is left for it.</summary>
/// <param name="Trial">The trial's number.</param>
/// <param name="Epochs">Number of epochs of the whole training.</param>
/// <param name="Steps">Number of steps of the whole training.</param>
/// <param name="Tail">The changed rest of the schedule; null if the training keeps its schedule or begins anew.</param>
internal sealed record PlannedEnd(int Trial, int Epochs, long Steps, ScheduleTail? Tail);
