using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.ImbalancedStudy;

/// <summary>Tables of macro accuracy: mean and standard deviation over the seeds, and what SLA gains with the same loss, seed by seed.</summary>
internal static class Report
{
    public const string CrossEntropy = "cross-entropy";
    public const string ClassBalanced = "class-balanced";
    public const string LdamDrw = "LDAM-DRW";

    private const int FewestClasses = 3;

    /// <summary>97.5% quantiles of Student's t with 1, 2, ... degrees of freedom.</summary>
    private static readonly double[] StudentQuantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

    public static string Of(IEnumerable<Trial> trials)
    {
        var byKey = trials.ToDictionary(trial => trial.Key);
        var report = new StringBuilder();
        report.AppendLine("Macro accuracy, all ten classes:").AppendLine();
        AppendTable(report, byKey, recalls => recalls.Average());
        report.AppendLine().AppendLine("The three smallest classes:").AppendLine();
        AppendTable(report, byKey, recalls => recalls.TakeLast(FewestClasses).Average());
        return report.ToString();
    }

    private static void AppendTable(
        StringBuilder report, Dictionary<(int Seed, int Ratio, int Epochs, string Loss, string Objective), Trial> trials, Func<IReadOnlyList<double>, double> measure)
    {
        report.AppendLine("| ratio | epochs | seeds | loss | baseline | SLA+SD network, aggregated | gain | SLA+SD, distilled | gain |");
        report.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var (ratio, epochs) in trials.Keys.Select(key => (key.Ratio, key.Epochs)).Distinct().Order())
        {
            foreach (string loss in new[] { CrossEntropy, ClassBalanced, LdamDrw })
            {
                int[] seeds =
                [
                    .. trials.Keys.Where(key => key.Ratio == ratio && key.Epochs == epochs && key.Loss == loss).GroupBy(key => key.Seed)
                        .Where(ofSeed => ofSeed.Count() == 2).Select(ofSeed => ofSeed.Key).Order(),
                ];
                if (seeds.Length == 0)
                    continue;

                double[] Points(SlaObjective objective, SlaInference inference) =>
                    [.. seeds.Select(seed => 100 * measure(trials[(seed, ratio, epochs, loss, $"{objective}")].Recalls[$"{inference}"]))];
                double[] baseline = Points(SlaObjective.Baseline, SlaInference.Single);
                double[] aggregated = Points(SlaObjective.SlaSelfDistillation, SlaInference.Aggregated);
                double[] distilled = Points(SlaObjective.SlaSelfDistillation, SlaInference.Distilled);
                report.AppendLine(
                    $"| {ratio} | {epochs} | {seeds.Length} | {loss} | {Spread(baseline)} | {Spread(aggregated)} | {Gain(baseline, aggregated)} | {Spread(distilled)} | {Gain(baseline, distilled)} |");
            }
        }
    }

    private static string Spread(double[] values) => string.Create(CultureInfo.InvariantCulture, $"{values.Average():F1} % ± {Deviation(values):F1}");

    /// <summary>The mean of the paired differences, and half of its 95% interval.</summary>
    private static string Gain(double[] before, double[] after)
    {
        double[] differences = [.. after.Zip(before, (a, b) => a - b)];
        return differences.Length == 1
            ? string.Create(CultureInfo.InvariantCulture, $"{differences[0]:+0.0;-0.0}")
            : string.Create(CultureInfo.InvariantCulture,
                $"{differences.Average():+0.0;-0.0} ± {StudentQuantiles[differences.Length - 2] * Deviation(differences) / Math.Sqrt(differences.Length):F1}");
    }

    private static double Deviation(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Length - 1));
    }
}
