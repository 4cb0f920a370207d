namespace Microsoft.ML.Sla.Studies;

/// <summary>What a row of a study gave with so many images of each class or in so much time, over the seeds that both it and the row that it is compared with have.</summary>
/// <param name="Row">The row.</param>
/// <param name="Size">Training images of each class, or seconds of a training.</param>
/// <param name="Scores">Its scores, seed by seed.</param>
/// <param name="Lines">The runs that they are of.</param>
/// <param name="Gains">What its accuracy is above that of the other row, in points, seed by seed; null for a row that is compared with none.</param>
internal sealed record Comparison(
    StudyRow Row, int Size, IReadOnlyList<Scores> Scores, IReadOnlyList<TrainingLine> Lines, IReadOnlyList<double>? Gains)
{
    /// <summary>The mean of the gains.</summary>
    public Estimate? Gain => Gains is null ? null : Estimate.Of(Gains);

    /// <summary>Whether every line has the processor time of one thread.</summary>
    public bool IsOfOneThread => Lines.All(line => line is { ProcessorSeconds: not null, Run.Threads: null or 1 });

    /// <summary>Accuracies in percent.</summary>
    public IReadOnlyList<double> Accuracies => [.. Scores.Select(scores => 100 * scores.Accuracy)];

    /// <summary>The mean of a measurement of the training of as many networks as the row averages; null where no line has it.</summary>
    public double? MeanOfTraining(Func<TrainingLine, double?> measurement) => Lines.Average(line => measurement(line) * Row.Networks / line.Run.Members);

    /// <summary>All comparisons of a study that lines have runs for, by its rows, from the smallest size on.</summary>
    public static IReadOnlyList<Comparison> Of(ComparisonStudy study, IEnumerable<TrainingLine> lines)
    {
        // The first line of a run counts, so that a run that was done twice by mistake changes nothing.
        var byRun = lines.GroupBy(line => line.Run).ToDictionary(ofRun => ofRun.Key, ofRun => ofRun.First());
        return [.. from size in study.Sizes from row in study.Rows select Compare(study, row, size, byRun) into comparison where comparison.Scores.Count > 0 select comparison];
    }

    private static Comparison Compare(ComparisonStudy study, StudyRow row, int size, Dictionary<TrainingRun, TrainingLine> byRun)
    {
        (TrainingLine Line, Scores Scores)? Find(StudyRow of, int seed) =>
            byRun.TryGetValue(study.RunOf(of.Setting, size, seed), out var line) && line.Inferences.TryGetValue(of.Inference, out var scores) ? (line, scores) : null;

        var other = study.Rows.FirstOrDefault(candidate => candidate.Name == row.Against);
        var found = study.Seeds.Select(seed => (Own: Find(row, seed), Other: other is null ? null : Find(other, seed)))
            .Where(pair => pair.Own is not null && (other is null || pair.Other is not null)).ToArray();
        return new Comparison(
            row,
            size,
            [.. found.Select(pair => pair.Own!.Value.Scores)],
            [.. found.Select(pair => pair.Own!.Value.Line)],
            other is null ? null : [.. found.Select(pair => 100 * (pair.Own!.Value.Scores.Accuracy - pair.Other!.Value.Scores.Accuracy))]);
    }
}
