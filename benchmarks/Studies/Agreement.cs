using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The accuracies of this library beside those of PyTorch on the same images in the same order, seed by seed.</summary>
internal static class Agreement
{
    private const string Name = "pytorch";
    private const string Title = "Accuracy of this library, over PyTorch on the same images and seeds";

    /// <summary>Writes <c>pytorch.md</c>, <c>.svg</c> and <c>.png</c> of the runs that both programs have.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static void Write(IReadOnlyList<Line> lines, string folder)
    {
        var rows = Compare(lines).ToArray();
        if (rows.Length == 0)
            throw new InvalidDataException("No run is there of both programs: 'export' one and give it to sla_pytorch.py.");

        var page = new StringBuilder($$"""
            # {{Title}}

            Made of [runs.jsonl](runs.jsonl) by `dotnet run -c Release --project benchmarks/Studies -- agreement`. The lines of PyTorch were made by

            ```
            dotnet run -c Release --project benchmarks/Studies -- export limited-data artifacts/runs
            for run in artifacts/runs/{baseline,sla,sla-sd}-100-*.safetensors; do python3 benchmarks/Studies/sla_pytorch.py $run docs/results/runs.jsonl; done
            ```

            ![{{Title}}]({{Name}}.svg)

            | what | seeds | this library | PyTorch | difference, paired | seconds of this library | of PyTorch |
            | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var row in rows)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {row.Name} | {row.Own.Length} | {Estimate.Spread(row.Own)} | {Estimate.Spread(row.Other)} | {row.Difference} | {row.Seconds.Own:F0} | {row.Seconds.Other:F0} |");
        page.Append("""

            Accuracies are means over the seeds with their standard deviations, differences the mean of the differences in points, seed by seed, with half of its 95 % interval. Images and
            their order are the same, initial weights, crops and the views that are drawn are each program's own. Seconds are processor seconds of the training, on one thread.

            """);
        File.WriteAllText(Path.Combine(folder, $"{Name}.md"), page.ToString());
        GainFigure.WriteRows(Path.Combine(folder, Name), Title, [.. rows.Select(row => (row.Name, row.Difference))]);
    }

    private static IEnumerable<(string Name, double[] Own, double[] Other, Estimate Difference, (double Own, double Other) Seconds)> Compare(IReadOnlyList<Line> lines) =>
        from pair in lines.Where(line => line.IsOfThisLibrary).DistinctBy(line => line.Run).Join(lines.Where(line => !line.IsOfThisLibrary).DistinctBy(line => line.Run), line => line.Run, line => line.Run, (own, other) => (Own: own, Other: other))
        from inference in pair.Own.Inferences.Keys.Intersect(pair.Other.Inferences.Keys)
        group pair by (Run: pair.Own.Run with { Seed = 0 }, Inference: inference) into ofSetting
        orderby ofSetting.Key.Run.ImagesPerClass
        let own = ofSetting.Select(pair => 100 * pair.Own.Inferences[ofSetting.Key.Inference].Accuracy).ToArray()
        let other = ofSetting.Select(pair => 100 * pair.Other.Inferences[ofSetting.Key.Inference].Accuracy).ToArray()
        select (
            $"{ofSetting.Key.Run.Objective}, {ofSetting.Key.Inference.ToLowerInvariant()}, {ofSetting.Key.Run.ImagesPerClass} a class",
            own,
            other,
            Estimate.Of([.. own.Zip(other, (a, b) => a - b)]),
            (ofSetting.Average(pair => pair.Own.ProcessorSeconds), ofSetting.Average(pair => pair.Other.ProcessorSeconds)));
}
