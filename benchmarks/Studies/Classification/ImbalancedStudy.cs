using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Uneven classes. Macro accuracy: mean and standard deviation over the seeds, and what SLA gains with the same loss, seed by seed.</summary>
internal sealed record ImbalancedStudy : GridStudy<TrainingRun>
{
    private const int FewestClasses = 3;

    public override Findings? Find(string file)
    {
        var lines = TrainingLine.Read(file).DistinctBy(line => line.Run).ToDictionary(line => line.Run);
        return Compare(lines, recalls => recalls.Average()).ToArray() is { Length: > 0 } all
            ? new Findings(Text(all, Compare(lines, recalls => recalls.TakeLast(FewestClasses).Average())), path => Draw(all, path))
            : null;
    }

    protected override TrainingRun RunOf(JsonObject properties) => TrainingRun.Of(properties);

    private static string Text(IEnumerable<Row> all, IEnumerable<Row> fewest)
    {
        var page = new StringBuilder("Macro accuracy, all classes:\n\n");
        AppendTable(page, all);
        page.Append("\nThe three smallest classes:\n\n");
        AppendTable(page, fewest);
        return page.Append("""

            An accuracy is the mean over the seeds, ± its standard deviation. A gain is the mean difference from the baseline with
            the same loss, in points, ± half of its 95 % interval (Student's t). Each seed is compared with itself. Both predictions
            of SLA+SD are of the same network.

            """).ToString();
    }

    private static void AppendTable(StringBuilder page, IEnumerable<Row> rows)
    {
        page.AppendLine("| ratio | epochs | seeds | loss | baseline | SLA+SD network, aggregated | gain | SLA+SD, distilled | gain |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var (run, baseline, aggregated, distilled) in rows)
        {
            page.AppendLine(
                $"| {run.Ratio} | {run.Epochs} | {baseline.Length} | {run.Loss} | {Estimate.Spread(baseline)} | {Estimate.Spread(aggregated)} | {Gain(baseline, aggregated)} | {Estimate.Spread(distilled)} | {Gain(baseline, distilled)} |");
        }
    }

    private void Draw(IEnumerable<Row> rows, string path) => GainFigure.WriteRows(path, Title,
    [
        .. from row in rows
           from prediction in new[] { (Name: "aggregated", Points: row.Aggregated), (Name: "distilled", Points: row.Distilled) }
           select ($"ratio {row.Run.Ratio}, {row.Run.Epochs} epochs, {row.Run.Loss}: SLA+SD, {prediction.Name}", Gain(row.Baseline, prediction.Points)),
    ]);

    /// <summary>What each setting measured, in percent, over the seeds that both the baseline and SLA+SD have.</summary>
    private IEnumerable<Row> Compare(Dictionary<TrainingRun, TrainingLine> lines, Func<IReadOnlyList<double>, double> measure)
    {
        var runs = ListRuns().Cast<TrainingRun>().ToArray();
        return from baseline in runs.Where(run => run.Objective == "baseline")
               join own in runs.Where(run => run.Objective == "sla-sd")
                   on (baseline.Ratio, baseline.Epochs, baseline.Loss, baseline.Seed) equals (own.Ratio, own.Epochs, own.Loss, own.Seed)
               where lines.ContainsKey(baseline) && lines.ContainsKey(own)
               group (Baseline: lines[baseline], Own: lines[own]) by baseline with { Seed = 0 } into ofSetting
               select new Row(
                   ofSetting.Key,
                   [.. ofSetting.Select(pair => Points(pair.Baseline, SlaInference.Single))],
                   [.. ofSetting.Select(pair => Points(pair.Own, SlaInference.Aggregated))],
                   [.. ofSetting.Select(pair => Points(pair.Own, SlaInference.Distilled))]);

        double Points(TrainingLine line, SlaInference inference) => 100 * measure(line.Inferences[$"{inference}"].Recalls!);
    }

    /// <summary>The mean of the paired differences.</summary>
    private static Estimate Gain(double[] before, double[] after) => Estimate.Of([.. after.Zip(before, (a, b) => a - b)]);

    /// <summary>A setting, and what it measured seed by seed.</summary>
    private sealed record Row(TrainingRun Run, double[] Baseline, double[] Aggregated, double[] Distilled);
}
