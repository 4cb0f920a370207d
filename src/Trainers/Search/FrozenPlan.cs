namespace Microsoft.ML.Sla.Search;

/// <summary>The trials with a frozen backbone for which a search has time.</summary>
/// <param name="Trials">Their configurations, in the order in which they are tried.</param>
/// <param name="Seconds">Seconds that they take.</param>
/// <param name="LastSeconds">Seconds of the last training, if one of them is the winner.</param>
/// <param name="AreAlone">Whether there is no time for other trials.</param>
internal sealed record FrozenPlan(IReadOnlyList<Configuration> Trials, double Seconds, double LastSeconds, bool AreAlone)
{
    /// <summary>
    /// Takes proposals in their order. One for which the time does not suffice is left out, and cheaper ones after it may be taken. If there is time for
    /// none of them beside other trials, the cheapest one may have all of the time.
    /// </summary>
    /// <param name="proposals">The proposals.</param>
    /// <param name="cost">Estimates their time.</param>
    /// <param name="secondsFor">Returns the seconds for the trials, from the seconds of the last training and from whether there are no other trials.</param>
    /// <param name="most">The most trials.</param>
    /// <param name="areAlone">Whether there are no other trials. One proposal at least is then taken.</param>
    public static FrozenPlan InTime(IReadOnlyList<Configuration> proposals, FrozenCost cost, Func<double, bool, double> secondsFor, int most, bool areAlone)
    {
        var trials = new List<Configuration>();
        var embedded = new HashSet<string>();
        double seconds = 0, lastSeconds = 0;
        foreach (var configuration in proposals)
        {
            double last = Math.Max(lastSeconds, cost.OfLast(configuration));
            double all = seconds + cost.Of(configuration, embedded);
            if (trials.Count == most || all > secondsFor(last, areAlone))
                continue;
            trials.Add(configuration);
            embedded.UnionWith(cost.Views(configuration));
            (seconds, lastSeconds) = (all, last);
        }

        if (trials.Count > 0 || proposals.Count == 0)
            return new FrozenPlan(trials, seconds, lastSeconds, areAlone);

        var cheapest = OfCheapest(proposals, cost);
        return areAlone || cheapest.Seconds <= secondsFor(cheapest.LastSeconds, true) ? cheapest : new FrozenPlan([], 0, 0, AreAlone: false);
    }

    private static FrozenPlan OfCheapest(IReadOnlyList<Configuration> proposals, FrozenCost cost)
    {
        var cheapest = proposals.MinBy(configuration => cost.Of(configuration, []))!;
        return new FrozenPlan([cheapest], cost.Of(cheapest, []), cost.OfLast(cheapest), AreAlone: true);
    }
}
