using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>What a search has decided by what it measured of the machine, so that it decides the same when it is resumed.</summary>
/// <param name="Identity">Which search it is.</param>
/// <param name="Usual">The configuration of the first trial.</param>
/// <param name="Ladder">The trials and rungs.</param>
/// <param name="TrainingSeconds">Time of the winner's whole training; null where the number of epochs is given.</param>
/// <param name="OverheadSeconds">What a training takes around its steps: to be set up, and to be measured.</param>
/// <param name="Trials">The trials that were planned, in order.</param>
/// <param name="Latencies">Seconds that a prediction takes, by what it depends on; as far as it was asked for.</param>
/// <param name="Final">How the winner is trained to its end; null as long as there is none.</param>
internal sealed record SearchPlan(
    IReadOnlyDictionary<string, string> Identity,
    IReadOnlyDictionary<string, string> Usual,
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

/// <summary>The end of the winner's training, by the time that was left for it.</summary>
/// <param name="Trial">The trial's number.</param>
/// <param name="Epochs">The epochs of its whole training.</param>
/// <param name="Steps">The steps of it.</param>
/// <param name="Tail">Where it goes on otherwise than it began; null where it does not, or begins anew.</param>
internal sealed record PlannedEnd(int Trial, int Epochs, long Steps, ScheduleTail? Tail);
