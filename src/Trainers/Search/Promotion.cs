namespace Microsoft.ML.Sla.Search;

/// <summary>Ranks the trials of a search, and chooses which continue after a rung. It neither trains nor changes a trial.</summary>
/// <param name="settings">The metric that decides.</param>
/// <param name="space">Gives the views and the augmentation of a configuration.</param>
/// <param name="baseline">The configuration of the first trial.</param>
/// <param name="rungs">Number of rungs of the search.</param>
internal sealed class Promotion(SearchSettings settings, ConfigurationSpace space, Configuration baseline, int rungs)
{
    /// <summary>
    /// The trials that are still in the search, from the best to the worst. A trial with more intervals comes before one with fewer. Complete trials are
    /// compared with those that have most intervals. At the last rung, the trials of the set of views with the lowest expected log-loss at the end of the
    /// training come first.
    /// </summary>
    public IEnumerable<Candidate> Leaders(IEnumerable<Candidate> trials)
    {
        var all = trials.Where(trial => trial.IsAlive && trial.Plan is not null).ToList();
        int farthest = all.Count == 0 ? 0 : all.Max(trial => trial.PublicTrial.Intervals.Count);
        return all
            .GroupBy(trial => trial.IsComplete ? farthest : trial.PublicTrial.Intervals.Count)
            .OrderByDescending(rung => rung.Key)
            .SelectMany(rung => rung.Key == 0 ? rung : BestFirst([.. rung], isLast: rung.Key == rungs));
    }

    /// <summary>The trials that continue, in order of priority. Complete trials come first and take no place of another trial.</summary>
    /// <remarks>
    /// A training with more labels or more varied images is worse at first and better in the end. Two rules give it time:
    /// <list type="number">
    /// <item>The best trial of each set of views comes before the second of any set.</item>
    /// <item>
    /// The search tries some augmentations by rule with the baseline's views. The best trial of each of them is kept, as long as there is room for one
    /// more trial. Among these, the best trial with the strongest augmentation and the best trial with another augmentation come first.
    /// </item>
    /// </list>
    /// </remarks>
    /// <param name="trials">All trials.</param>
    /// <param name="count">The number of trials that continue to be trained.</param>
    public IReadOnlyList<Candidate> Promoted(IEnumerable<Candidate> trials, int count)
    {
        var complete = Leaders(trials).Where(trial => trial.IsComplete).ToList();
        var leaders = Leaders(trials).Except(complete).ToList();
        var kept = BaselineTrials(leaders).Take(count - 1).ToList();
        return [.. complete, .. leaders
            .GroupBy(Views)
            .SelectMany(set => set.OrderByDescending(kept.Contains).Index())
            .OrderByDescending(place => kept.Contains(place.Item))
            .ThenBy(place => place.Index)
            .ThenBy(place => leaders.IndexOf(place.Item))
            .Select(place => place.Item)
            .Take(count)];
    }

    /// <summary>Whether a trial learns from the same set of views as the first trial.</summary>
    public bool HasBaselineViews(Candidate trial) => Views(trial) == space.Views(baseline);

    /// <summary>
    /// The best trial, with the baseline's views, of each augmentation that the search tries by rule. The best trial with the strongest augmentation and the
    /// best trial with another augmentation come first.
    /// </summary>
    private IEnumerable<Candidate> BaselineTrials(List<Candidate> leaders)
    {
        var augmentations = space.ByAugmentation(baseline).Append(baseline).Select(space.Augmentation).ToHashSet();
        var bestOfEach = MoreVariedFirst(leaders
            .Where(trial => HasBaselineViews(trial) && augmentations.Contains(space.Augmentation(trial.Configuration)))
            .DistinctBy(trial => space.Augmentation(trial.Configuration))).ToList();
        return bestOfEach.DistinctBy(trial => space.IsStronglyAugmented(trial.Configuration)).Union(bestOfEach);
    }

    private IEnumerable<Candidate> BestFirst(List<Candidate> trials, bool isLast)
    {
        var complete = Ranking.BestFirst(trials.Where(trial => trial.IsComplete), trial => trial.Result, settings).ToList();
        var others = OthersBestFirst([.. trials.Except(complete)], isLast).ToList();
        return complete is [var best, ..] && others is [var challenger, ..] && IsExpectedToBeat(challenger, best)
            ? [.. others, .. complete]
            : [.. complete, .. others];
    }

    /// <summary>
    /// Whether a trial is expected to be better at its end than a complete trial is. Where accuracy decides, it must not be significantly less accurate so far.
    /// </summary>
    private bool IsExpectedToBeat(Candidate challenger, Candidate complete)
    {
        double expected = Ranking.ExpectedLogLoss(challenger.PublicTrial.Intervals, challenger.Plan!.Steps);
        return settings.Metric switch
        {
            SearchMetric.LogLoss => expected < complete.Result.Interval.LogLoss,
            SearchMetric.MacroAccuracy => challenger.Result.Interval.MacroAccuracy > complete.Result.Interval.MacroAccuracy,
            _ => Ranking.IsMoreAccurate(challenger.Result, complete.Result)
                || (!Ranking.IsMoreAccurate(complete.Result, challenger.Result) && expected < complete.Result.Interval.LogLoss),
        };
    }

    /// <summary>The order of trials that are not complete.</summary>
    private IEnumerable<Candidate> OthersBestFirst(List<Candidate> trials, bool isLast)
    {
        var ranked = Ranking.BestFirst(trials, trial => trial.Result, settings).ToList();
        if (trials.Count == 0 || !isLast || settings.Metric != SearchMetric.MicroAccuracy)
            return ranked;

        // A training with few labels learns them early and has the higher accuracy until then. The curve of the log-loss predicts the winner earlier.
        var lowest = ranked.MinBy(trial => Ranking.ExpectedLogLoss(trial.PublicTrial.Intervals, trial.Plan!.Steps))!;
        return ranked.OrderByDescending(trial => Views(trial) == Views(lowest));
    }

    /// <summary>
    /// Trials of one set of views from the best to the worst. Among trials without a significant difference, those with more augmentations come first, because
    /// more varied images give a higher log-loss early and a lower one late.
    /// </summary>
    private IEnumerable<Candidate> MoreVariedFirst(IEnumerable<Candidate> trials) =>
        Ranking.BestFirst(trials, trial => trial.Result, settings, variety: trial => space.Options(trial.Configuration).Augmentations.Count);

    private string Views(Candidate trial) => space.Views(trial.Configuration);
}
