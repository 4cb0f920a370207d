namespace Microsoft.ML.Sla.Search;

/// <summary>Divides the time of a search between its trials and the winner's training. It measures nothing: callers pass it measurements.</summary>
/// <param name="time">The time of the whole search.</param>
internal sealed class TimePlan(TimeSpan time)
{
    /// <summary>Fewest steps before the first comparison. Before that, the ranking shows which task is easiest, not which configuration is best.</summary>
    private const int MinSteps = 50;

    /// <summary>Share of the search's time, or of the winner's training time, spent on measuring a step.</summary>
    private const double MeasuredShare = 0.005;

    /// <summary>Share of the search's time spent on measuring a step again before the last training, because its length depends on the measurement.</summary>
    private const double LastMeasuredShare = 0.02;

    /// <summary>The most seconds of that measurement.</summary>
    private const double MaxLastMeasured = 2;

    /// <summary>Share of the time that is planned. The rest is a reserve.</summary>
    private const double PlannedShare = 0.98;

    /// <summary>Share of the winner's training time that is reserved for it even if trials take longer than planned.</summary>
    private const double KeptShare = 0.4;

    /// <summary>Share of the time for trials with a frozen backbone, if there are others as well.</summary>
    private const double FrozenShare = 0.5;

    /// <summary>Time spent on measuring a step, or the passes of a frozen network, before the trials are planned.</summary>
    public TimeSpan LadderMeasurement => MeasuredShare * time;

    /// <summary>Time spent on measuring a step before the winner's last training is planned.</summary>
    public TimeSpan LastMeasurement => TimeSpan.FromSeconds(Math.Min(MaxLastMeasured, LastMeasuredShare * time.TotalSeconds));

    /// <summary>Seconds from the start of the search to its end.</summary>
    public double End => time.TotalSeconds;

    private double PlannedSeconds => PlannedShare * time.TotalSeconds;

    /// <summary>Seconds for trials with a frozen backbone.</summary>
    /// <param name="elapsed">Seconds that the search has taken so far.</param>
    /// <param name="lastSeconds">Seconds of the last training of one of them.</param>
    /// <param name="areAlone">Whether there are no other trials.</param>
    public double FrozenSeconds(double elapsed, double lastSeconds, bool areAlone) => (areAlone ? 1 : FrozenShare) * (PlannedSeconds - elapsed - lastSeconds);

    /// <summary>Time spent on measuring a step of a trial before its training is planned.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    public static TimeSpan TrialMeasurement(double trainingSeconds) => TimeSpan.FromSeconds(MeasuredShare * trainingSeconds);

    /// <summary>The number of epochs for which a trial's whole training takes as long as the winner's; at least one.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    /// <param name="cost">The cost of the trial's steps.</param>
    public static int TrialEpochs(double trainingSeconds, StepCost cost) => Math.Max(1, (int)(trainingSeconds / (cost.Seconds * cost.StepsPerEpoch)));

    /// <summary>The ladder with the most rungs that fits into the time, and the seconds of the winner's whole training with it.</summary>
    /// <param name="baseline">The cost of the first trial's steps.</param>
    /// <param name="overheadSeconds">Time of a training besides its steps.</param>
    /// <param name="elapsed">Seconds that the search has taken so far.</param>
    /// <param name="maxTrials">The most trials.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    /// <returns>A ladder of one trial without rungs, if the time suffices for no other.</returns>
    public (Ladder Ladder, double TrainingSeconds) LongestLadder(StepCost baseline, double overheadSeconds, double elapsed, int maxTrials, int folds)
    {
        double left = PlannedSeconds - elapsed;
        int minSteps = Math.Max(MinSteps, baseline.StepsPerEpoch);
        var ladder = Ladder.ForTime(ladder => TrainingSeconds(ladder) * ladder.Fractions[0] >= minSteps * baseline.Seconds, maxTrials, folds);
        return (ladder, Math.Max(baseline.Seconds, TrainingSeconds(ladder)));

        double TrainingSeconds(Ladder ladder) => (left - (ladder.Intervals * overheadSeconds)) / ladder.Cost;
    }

    /// <summary>Seconds from the start of the search until it stops training trials, to leave time for the winner.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    public double TrialsEnd(double trainingSeconds) => PlannedSeconds - (KeptShare * trainingSeconds);

    /// <summary>The number of epochs for which the winner's training fills the remaining time; at least one more than are done.</summary>
    /// <param name="stepsDone">Number of steps done.</param>
    /// <param name="cost">The cost of the winner's steps.</param>
    /// <param name="overheadSeconds">Time of a training besides its steps.</param>
    /// <param name="elapsed">Seconds that the search has taken so far.</param>
    public int LastEpochs(long stepsDone, StepCost cost, double overheadSeconds, double elapsed)
    {
        double left = PlannedSeconds - elapsed - (2 * overheadSeconds);
        return Math.Max((int)(stepsDone / cost.StepsPerEpoch) + 1, (int)((stepsDone + (left / cost.Seconds)) / cost.StepsPerEpoch));
    }
}

/// <summary>The cost of the steps of a configuration's training.</summary>
/// <param name="Seconds">Seconds that a step takes.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
internal readonly record struct StepCost(double Seconds, int StepsPerEpoch);
