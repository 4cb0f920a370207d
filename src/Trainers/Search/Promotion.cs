namespace Microsoft.ML.Sla.Search;

/// <summary>Ranks the trials of a search, and says which go on at a rung. It trains nothing, and changes no trial.</summary>
/// <param name="settings">The metric that decides.</param>
/// <param name="space">Says which views and which augmentation a configuration has.</param>
/// <param name="baseline">The configuration of the first trial.</param>
/// <param name="rungs">Number of rungs of the search.</param>
internal sealed class Promotion(SearchSettings settings, ConfigurationSpace space, Configuration baseline, int rungs)
{
    /// <summary>
    /// The trials that are still in the search, from the best to the worst. A trial with more intervals comes before one with fewer. At the last rung, those
    /// trials come first whose set of views is expected to have the lowest log-loss at the end of the training.
    /// </summary>
    public IEnumerable<Candidate> Leaders(IEnumerable<Candidate> trials) => trials
        .Where(trial => trial.IsAlive && trial.Plan is not null)
        .GroupBy(trial => trial.PublicTrial.Intervals.Count)
        .OrderByDescending(rung => rung.Key)
        .SelectMany(rung => rung.Key == 0 ? rung : BestFirst([.. rung], isLast: rung.Key == rungs));

    /// <summary>The trials that go on, the surest first.</summary>
    /// <remarks>
    /// A training of more labels, or of more varied images, is behind at first and ahead in the end. Two rules give it time:
    /// <list type="number">
    /// <item>The best trial of each set of views comes before the second of any set.</item>
    /// <item>
    /// Trials with the baseline's views and an augmentation that the search tries by rule are kept, the best one of each such augmentation, as long as there
    /// is room for one trial of another set beside them. First of them are the best with the strongest augmentation and the best with another.
    /// </item>
    /// </list>
    /// </remarks>
    /// <param name="trials">All trials.</param>
    /// <param name="count">How many go on.</param>
    public IReadOnlyList<Candidate> Promoted(IEnumerable<Candidate> trials, int count)
    {
        var leaders = Leaders(trials).ToList();
        var kept = BaselineTrials(leaders).Take(count - 1).ToList();
        return [.. leaders
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

    /// <summary>The best trial of each augmentation that the search tries by rule, with the baseline's views. The strongest one and the best other come first.</summary>
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
        var ranked = Ranking.BestFirst(trials, trial => trial.Result, settings).ToList();
        if (!isLast || settings.Metric != SearchMetric.MicroAccuracy)
            return ranked;

        // A training of few labels has learned them before its end, with the higher accuracy until then. The curve of the log-loss shows early who will win.
        var lowest = ranked.MinBy(trial => Ranking.ExpectedLogLoss(trial.PublicTrial.Intervals, trial.Plan!.Steps))!;
        return ranked.OrderByDescending(trial => Views(trial) == Views(lowest));
    }

    /// <summary>
    /// Trials of one set of views from the best to the worst. Of trials that are not told apart, those with more augmentations come first: more varied images
    /// give the higher log-loss early, and the lower one late.
    /// </summary>
    private IEnumerable<Candidate> MoreVariedFirst(IEnumerable<Candidate> trials) =>
        Ranking.BestFirst(trials, trial => trial.Result, settings, variety: trial => space.Options(trial.Configuration).Augmentations.Count);

    private string Views(Candidate trial) => space.Views(trial.Configuration);
}
