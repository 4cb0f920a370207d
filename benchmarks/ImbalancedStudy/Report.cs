using System.Text;
using Microsoft.ML.Sla.Studies;

namespace Microsoft.ML.Sla.ImbalancedStudy;

/// <summary>Macro accuracy: mean and standard deviation over the seeds, and what SLA gains with the same loss, seed by seed.</summary>
internal sealed class Report(IEnumerable<Trial> trials)
{
    public const string CrossEntropy = "cross-entropy";
    public const string ClassBalanced = "class-balanced";
    public const string LdamDrw = "LDAM-DRW";

    private const int FewestClasses = 3;

    private readonly Dictionary<(int Seed, int Ratio, int Epochs, string Loss, string Objective), Trial> _trials = trials.ToDictionary(trial => trial.Key);

    /// <summary>The tables in Markdown.</summary>
    public string Tables()
    {
        var report = new StringBuilder();
        report.AppendLine("Macro accuracy, all ten classes:").AppendLine();
        AppendTable(report, recalls => recalls.Average());
        report.AppendLine().AppendLine("The three smallest classes:").AppendLine();
        AppendTable(report, recalls => recalls.TakeLast(FewestClasses).Average());
        return report.ToString();
    }

    /// <summary>Draws the gains over all ten classes.</summary>
    /// <param name="path">Path of the files, without extension.</param>
    public void WriteFigure(string path) => GainFigure.WriteRows(path, "Macro accuracy on long-tailed CIFAR-10, over the baseline with the same loss",
    [
        .. from setting in Settings(recalls => recalls.Average())
           from row in new[] { (Inference: "aggregated", Points: setting.Aggregated), (Inference: "distilled", Points: setting.Distilled) }
           select ($"ratio {setting.Ratio}, {setting.Epochs} epochs, {setting.Loss}: SLA+SD, {row.Inference}", Gain(setting.Baseline, row.Points)),
    ]);

    private void AppendTable(StringBuilder report, Func<IReadOnlyList<double>, double> measure)
    {
        report.AppendLine("| ratio | epochs | seeds | loss | baseline | SLA+SD network, aggregated | gain | SLA+SD, distilled | gain |");
        report.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var (ratio, epochs, loss, baseline, aggregated, distilled) in Settings(measure))
        {
            report.AppendLine(
                $"| {ratio} | {epochs} | {baseline.Length} | {loss} | {Estimate.Spread(baseline)} | {Estimate.Spread(aggregated)} | {Gain(baseline, aggregated)} | {Estimate.Spread(distilled)} | {Gain(baseline, distilled)} |");
        }
    }

    /// <summary>What each setting measured, in percent, seed by seed.</summary>
    private IEnumerable<(int Ratio, int Epochs, string Loss, double[] Baseline, double[] Aggregated, double[] Distilled)> Settings(Func<IReadOnlyList<double>, double> measure) =>
        from size in _trials.Keys.Select(key => (key.Ratio, key.Epochs)).Distinct().Order()
        from loss in new[] { CrossEntropy, ClassBalanced, LdamDrw }
        let seeds = _trials.Keys.Where(key => key.Ratio == size.Ratio && key.Epochs == size.Epochs && key.Loss == loss).GroupBy(key => key.Seed)
            .Where(ofSeed => ofSeed.Count() == 2).Select(ofSeed => ofSeed.Key).Order().ToArray()
        where seeds.Length > 0
        let points = (Func<SlaObjective, SlaInference, double[]>)((objective, inference) =>
            [.. seeds.Select(seed => 100 * measure(_trials[(seed, size.Ratio, size.Epochs, loss, $"{objective}")].Recalls[$"{inference}"]))])
        select (
            size.Ratio,
            size.Epochs,
            loss,
            points(SlaObjective.Baseline, SlaInference.Single),
            points(SlaObjective.SlaSelfDistillation, SlaInference.Aggregated),
            points(SlaObjective.SlaSelfDistillation, SlaInference.Distilled));

    /// <summary>The mean of the paired differences.</summary>
    private static Estimate Gain(double[] before, double[] after) => Estimate.Of([.. after.Zip(before, (a, b) => a - b)]);
}
