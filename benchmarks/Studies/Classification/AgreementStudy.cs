using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The accuracies of this library beside those of PyTorch on the same images in the same order, seed by seed: of the runs that both programs have done.</summary>
internal sealed record AgreementStudy : Study<TrainingRun>
{
    public override Findings? Find(string file) => Compare(Studies.Lines.Read<TrainingLine>(file)).ToArray() is { Length: > 0 } rows
        ? new Findings(Text(rows), path => GainFigure.WriteRows(path, Title, [.. rows.Select(row => (row.Name, row.Difference))]))
        : null;

    private static string Text(IEnumerable<Row> rows)
    {
        var page = new StringBuilder("""
            The lines of PyTorch were made by

            ```
            dotnet run -c Release --project benchmarks/Studies -- export limited-data artifacts/runs
            for run in artifacts/runs/{baseline,sla,sla-sd}-100-*.safetensors; do
                python3 benchmarks/Studies/sla_pytorch.py $run benchmarks/results/runs.jsonl
            done
            ```

            | what | seeds | this library | PyTorch | difference, paired | seconds of this library | of PyTorch |
            | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var row in rows)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {row.Name} | {row.Own.Length} | {Estimate.Spread(row.Own)} | {Estimate.Spread(row.Other)} | {row.Difference} | {row.OwnSeconds:F0} | {row.OtherSeconds:F0} |");
        return page.Append("""

            An accuracy is the mean over the seeds, ± its standard deviation. A difference is a mean in points, ± half of its 95 %
            interval. Each seed is compared with itself. Both programs have the same images in the same order. Each has its own
            initial weights, crops and drawn views. Seconds are processor seconds of the training, on one thread.

            """).ToString();
    }

    private static IEnumerable<Row> Compare(IReadOnlyList<TrainingLine> lines) =>
        from pair in lines.Where(line => line.IsOfThisLibrary).DistinctBy(line => line.Run).Join(lines.Where(line => !line.IsOfThisLibrary).DistinctBy(line => line.Run), line => line.Run, line => line.Run, (own, other) => (Own: own, Other: other))
        from inference in pair.Own.Inferences.Keys.Intersect(pair.Other.Inferences.Keys)
        group pair by (Run: pair.Own.Run with { Seed = 0 }, Inference: inference) into ofSetting
        orderby ofSetting.Key.Run.ImagesPerClass
        let own = ofSetting.Select(pair => 100 * pair.Own.Inferences[ofSetting.Key.Inference].Accuracy).ToArray()
        let other = ofSetting.Select(pair => 100 * pair.Other.Inferences[ofSetting.Key.Inference].Accuracy).ToArray()
        select new Row(
            $"{ofSetting.Key.Run.Objective}, {ofSetting.Key.Inference.ToLowerInvariant()}, {ofSetting.Key.Run.ImagesPerClass} a class",
            own,
            other,
            Estimate.Of([.. own.Zip(other, (a, b) => a - b)]),
            ofSetting.Average(pair => pair.Own.ProcessorSeconds),
            ofSetting.Average(pair => pair.Other.ProcessorSeconds));

    /// <summary>A setting and inference: the accuracies of both programs, seed by seed, and the seconds of their trainings.</summary>
    private sealed record Row(string Name, double[] Own, double[] Other, Estimate Difference, double? OwnSeconds, double? OtherSeconds);
}
