namespace Microsoft.ML.Sla.Search;

/// <summary>Divides the time of a search between its trials and the winner's training. It measures nothing: measurements are given to it.</summary>
/// <param name="time">The time of the whole search.</param>
internal sealed class TimePlan(TimeSpan time)
{
    /// <summary>Fewest steps before the first comparison. Networks that have hardly learned are ranked by how easy their task is.</summary>
    private const int MinSteps = 50;

    /// <summary>Share of the search's time, or of the winner's training, for which a step is measured.</summary>
    private const double MeasuredShare = 0.005;

    /// <summary>Share of the search's time for which a step is measured once more before the last training, whose length depends on it.</summary>
    private const double LastMeasuredShare = 0.02;

    /// <summary>Most seconds of that measurement.</summary>
    private const double MaxLastMeasured = 2;

    /// <summary>Share of the time that is planned for. The rest is for the unforeseen.</summary>
    private const double PlannedShare = 0.98;

    /// <summary>Share of the winner's training that is left for it when trials take longer than planned.</summary>
    private const double KeptShare = 0.4;

    /// <summary>How long a step is measured before the ladder is chosen.</summary>
    public TimeSpan LadderMeasurement => MeasuredShare * time;

    /// <summary>How long a step is measured before the winner's last training is planned.</summary>
    public TimeSpan LastMeasurement => TimeSpan.FromSeconds(Math.Min(MaxLastMeasured, LastMeasuredShare * time.TotalSeconds));

    /// <summary>Seconds after which the search ends.</summary>
    public double End => time.TotalSeconds;

    private double PlannedSeconds => PlannedShare * time.TotalSeconds;

    /// <summary>How long a step of a trial is measured before its training is planned.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    public static TimeSpan TrialMeasurement(double trainingSeconds) => TimeSpan.FromSeconds(MeasuredShare * trainingSeconds);

    /// <summary>The epochs of a trial whose whole training takes the time of the winner's; one at least.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    /// <param name="cost">The cost of the trial's steps.</param>
    public static int TrialEpochs(double trainingSeconds, StepCost cost) => Math.Max(1, (int)(trainingSeconds / (cost.Seconds * cost.StepsPerEpoch)));

    /// <summary>The ladder with the most rungs that the time has room for, and the seconds of the winner's whole training with it.</summary>
    /// <param name="baseline">The cost of the first trial's steps.</param>
    /// <param name="overheadSeconds">Time that a training takes around its steps.</param>
    /// <param name="elapsed">Seconds that the search has taken so far.</param>
    /// <param name="maxTrials">Number of trials at most.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    public (Ladder Ladder, double TrainingSeconds) LongestLadder(StepCost baseline, double overheadSeconds, double elapsed, int maxTrials, int folds)
    {
        double left = PlannedSeconds - elapsed;
        int minSteps = Math.Max(MinSteps, baseline.StepsPerEpoch);
        var ladder = Ladder.ForTime(ladder => TrainingSeconds(ladder) * ladder.Fractions[0] >= minSteps * baseline.Seconds, maxTrials, folds);
        return (ladder, Math.Max(baseline.Seconds, TrainingSeconds(ladder)));

        double TrainingSeconds(Ladder ladder) => (left - (ladder.Intervals * overheadSeconds)) / ladder.Cost;
    }

    /// <summary>Seconds of the search after which no trial is trained any more, so that the winner has time left.</summary>
    /// <param name="trainingSeconds">Time of the winner's whole training.</param>
    public double TrialsEnd(double trainingSeconds) => PlannedSeconds - (KeptShare * trainingSeconds);

    /// <summary>The epochs of the winner's training that fill the time that is left; one more than are done at least.</summary>
    /// <param name="stepsDone">Steps that are done.</param>
    /// <param name="cost">The cost of its steps.</param>
    /// <param name="overheadSeconds">Time that a training takes around its steps.</param>
    /// <param name="elapsed">Seconds that the search has taken so far.</param>
    public int LastEpochs(long stepsDone, StepCost cost, double overheadSeconds, double elapsed)
    {
        double left = PlannedSeconds - elapsed - (2 * overheadSeconds);
        return Math.Max((int)(stepsDone / cost.StepsPerEpoch) + 1, (int)((stepsDone + (left / cost.Seconds)) / cost.StepsPerEpoch));
    }
}

/// <summary>What the steps of a configuration's training cost.</summary>
/// <param name="Seconds">Time of a step.</param>
/// <param name="StepsPerEpoch">Steps of an epoch.</param>
internal readonly record struct StepCost(double Seconds, int StepsPerEpoch);
