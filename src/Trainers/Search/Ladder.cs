namespace Microsoft.ML.Sla.Search;

/// <summary>
/// Successive halving (Jamieson and Talwalkar 2016): how many trials begin, and at which shares of their training, the rungs, they are compared.
/// At each rung the best third goes on, three trials at least to the last rung. The winner is trained to its end.
/// </summary>
/// <param name="Trials">Number of trials that begin.</param>
/// <param name="Fractions">The shares of a whole training at which trials are compared, ascending, below 1. None for one trial.</param>
/// <param name="Folds">Number of trainings in a trial.</param>
/// <param name="Refits">Whether the winner is trained once more from its beginning, on all rows.</param>
internal sealed record Ladder(int Trials, IReadOnlyList<double> Fractions, int Folds, bool Refits)
{
    private const int Reduction = 3;
    private const int MaxRungs = 5;

    /// <summary>
    /// Trials at the last rung, in searches of twice as many or more: room for the defaults, the defaults with stronger augmentation, and another set.
    /// </summary>
    private const int MinFinalists = 3;

    /// <summary>The cost of a search in whole trainings, the winner's included: what 81 trials at five rungs cost.</summary>
    private const double MaxCost = 7.0 / 3;

    /// <summary>Number of trials that are trained to a rung.</summary>
    public int TrialsAt(int rung)
    {
        if (rung == 0)
            return Trials;
        int third = (int)Math.Ceiling((double)TrialsAt(rung - 1) / Reduction);
        bool isLast = rung == Fractions.Count - 1;
        return isLast && Trials >= 2 * MinFinalists ? Math.Max(third, MinFinalists) : third;
    }

    /// <summary>Number of trainings to a rung, the winner's included.</summary>
    public int Intervals => (Folds * Fractions.Select((_, rung) => TrialsAt(rung)).Sum()) + 1;

    /// <summary>The cost of the search in whole trainings, the winner's included.</summary>
    public double Cost =>
        (Folds * Fractions.Select((fraction, rung) => TrialsAt(rung) * (fraction - (rung == 0 ? 0 : Fractions[rung - 1]))).Sum())
        + (Refits || Fractions.Count == 0 ? 1 : 1 - Fractions[^1]);

    /// <summary>Whether the trials can be cut to a third at every rung.</summary>
    private bool HasEnoughTrials => Trials > 1 && Trials >= Math.Pow(Reduction, Fractions.Count - 1);

    /// <summary>The ladder with the most rungs for a number of trials.</summary>
    public static Ladder ForTrials(int trials, int folds)
    {
        for (int rungs = MaxRungs; rungs > 0; rungs--)
        {
            if (New(trials, rungs, folds) is { HasEnoughTrials: true } ladder)
                return ladder;
        }

        return New(1, rungs: 0, folds);
    }

    /// <summary>The ladder with the most rungs whose first interval is long enough.</summary>
    /// <param name="isLongEnough">Whether networks have learned enough after a ladder's first interval to be compared.</param>
    /// <param name="maxTrials">Number of trials at most.</param>
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
