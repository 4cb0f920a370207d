namespace Microsoft.ML.Sla.Search;

/// <summary>
/// Successive halving (Jamieson and Talwalkar 2016): how many trials there are, and at which shares of their training they are
/// compared and the best third of them promoted, three of them to the last one. One comes to its end.
/// </summary>
/// <param name="Trials">Number of trials that begin.</param>
/// <param name="Fractions">The shares of a whole training at which trials are compared, ascending, below 1. None for one trial.</param>
/// <param name="Folds">Number of trainings in a trial.</param>
/// <param name="Refits">Whether the winner is trained once more from its beginning, on all rows.</param>
internal sealed record Ladder(int Trials, IReadOnlyList<double> Fractions, int Folds, bool Refits)
{
    private const int Reduction = 3;
    private const int MostRungs = 5;

    /// <summary>Trials at the last rung, where there are twice as many or more: the defaults, the same with stronger augmentation, and another set.</summary>
    private const int FewestFinalists = 3;

    /// <summary>In whole trainings, with that of the winner: as many as powers of three cost, 81 trials at five rungs.</summary>
    private const double MostCost = 7.0 / 3;

    /// <summary>Number of trials that are trained to a rung.</summary>
    public int TrialsAt(int rung)
    {
        if (rung == 0)
            return Trials;
        int third = (int)Math.Ceiling((double)TrialsAt(rung - 1) / Reduction);
        bool isLast = rung == Fractions.Count - 1;
        return isLast && Trials >= 2 * FewestFinalists ? Math.Max(third, FewestFinalists) : third;
    }

    /// <summary>Number of trainings to a rung, the winner's included.</summary>
    public int Intervals => (Folds * Fractions.Select((_, rung) => TrialsAt(rung)).Sum()) + 1;

    /// <summary>What it takes, in whole trainings.</summary>
    public double Cost =>
        (Folds * Fractions.Select((fraction, rung) => TrialsAt(rung) * (fraction - (rung == 0 ? 0 : Fractions[rung - 1]))).Sum())
        + (Refits || Fractions.Count == 0 ? 1 : 1 - Fractions[^1]);

    /// <summary>Whether there is a third of the trials to leave out at every rung.</summary>
    private bool HasEnoughTrials => Trials > 1 && Trials >= Math.Pow(Reduction, Fractions.Count - 1);

    /// <summary>The longest ladder of a number of trials.</summary>
    public static Ladder ForTrials(int trials, int folds)
    {
        for (int rungs = MostRungs; rungs > 0; rungs--)
        {
            if (New(trials, rungs, folds) is { HasEnoughTrials: true } ladder)
                return ladder;
        }

        return New(1, rungs: 0, folds);
    }

    /// <summary>The longest ladder that a time has room for.</summary>
    /// <param name="isLongEnough">Whether a ladder's first interval says anything.</param>
    /// <param name="mostTrials">Number of trials at most.</param>
    /// <param name="folds">Number of trainings in a trial.</param>
    public static Ladder ForTime(Func<Ladder, bool> isLongEnough, int mostTrials, int folds)
    {
        for (int rungs = MostRungs; rungs > 0; rungs--)
        {
            var ladder = New(1, rungs, folds);
            while (ladder.Trials < mostTrials && (ladder with { Trials = ladder.Trials + 1 }).Cost <= MostCost + 1e-9)
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
