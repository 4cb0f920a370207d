namespace Microsoft.ML.Sla.Search;

/// <summary>
/// The plan of successive halving (Jamieson and Talwalkar 2016): the number of trials, and the rungs, which are the shares of a training at which
/// trials are compared. At each rung the best third continues, but at least three trials reach the last rung. The winner's training is finished.
/// </summary>
/// <param name="Trials">Number of trials that begin.</param>
/// <param name="Fractions">The rungs: shares of a whole training, ascending, below 1. Empty for one trial without others.</param>
/// <param name="Folds">Number of trainings in a trial.</param>
/// <param name="Refits">Whether the winner is trained again from the beginning, on all rows.</param>
internal sealed record Ladder(int Trials, IReadOnlyList<double> Fractions, int Folds, bool Refits)
{
    private const int Reduction = 3;
    private const int MaxRungs = 5;

    /// <summary>
    /// Fewest trials at the last rung, in searches of at least twice as many trials. There is then room for the defaults, the defaults with stronger
    /// augmentation, and another set of transformations.
    /// </summary>
    private const int MinFinalists = 3;

    /// <summary>The highest cost of a search in whole trainings, including the winner's: the cost of 81 trials at five rungs.</summary>
    private const double MaxCost = 7.0 / 3;

    /// <summary>Number of trials that reach a rung.</summary>
    public int TrialsAt(int rung)
    {
        if (rung == 0)
            return Trials;
        int third = (int)Math.Ceiling((double)TrialsAt(rung - 1) / Reduction);
        bool isLast = rung == Fractions.Count - 1;
        return isLast && Trials >= 2 * MinFinalists ? Math.Max(third, MinFinalists) : third;
    }

    /// <summary>Number of intervals that are trained in the search, including the winner's last one.</summary>
    public int Intervals => (Folds * Fractions.Select((_, rung) => TrialsAt(rung)).Sum()) + 1;

    /// <summary>The cost of the search in whole trainings, including the winner's.</summary>
    public double Cost =>
        (Folds * Fractions.Select((fraction, rung) => TrialsAt(rung) * (fraction - (rung == 0 ? 0 : Fractions[rung - 1]))).Sum())
        + (Refits || Fractions.Count == 0 ? 1 : 1 - Fractions[^1]);

    /// <summary>Whether the trials can be cut to a third at every rung.</summary>
    private bool HasEnoughTrials => Trials > 1 && Trials >= Math.Pow(Reduction, Fractions.Count - 1);

    /// <summary>The ladder with the most rungs for a number of trials.</summary>
    /// <param name="trials">The number of trials.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    /// <param name="others">Number of trials that the search completes without this ladder.</param>
    public static Ladder ForTrials(int trials, int folds, int others = 0)
    {
        for (int rungs = MaxRungs; rungs > 0; rungs--)
        {
            if (New(trials, rungs, folds) is { HasEnoughTrials: true } ladder)
                return ladder;
        }

        return New(trials, rungs: trials + others > 1 ? 1 : 0, folds);
    }

    /// <summary>The ladder with the most rungs whose first interval is long enough.</summary>
    /// <param name="isLongEnough">Whether networks have learned enough to be compared after a ladder's first interval.</param>
    /// <param name="maxTrials">The most trials.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    public static Ladder ForTime(Func<Ladder, bool> isLongEnough, int maxTrials, int folds)
    {
        for (int rungs = MaxRungs; rungs > 0; rungs--)
        {
            var ladder = New(1, rungs, folds);
            while (ladder.Trials < maxTrials && (ladder with { Trials = ladder.Trials + 1 }).Cost <= MaxCost + 1e-9)
                ladder = ladder with { Trials = ladder.Trials + 1 };
            if (ladder.HasEnoughTrials && isLongEnough(ladder))
                return ladder;
        }

        return New(1, rungs: 0, folds);
    }

    private static Ladder New(int trials, int rungs, int folds)
    {
        // On folds, a rung at a third would cost more than the winner's training.
        int highest = folds > 1 && rungs > 1 ? 2 : 1;
        return new Ladder(
            trials, [.. Enumerable.Range(highest, rungs).Select(power => Math.Pow(Reduction, -power)).Reverse()], folds, Refits: folds > 1);
    }
}
