using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// What SLA gains over the baseline, by how often an image is trained on under each transformation: of all runs that there are, whichever
/// study they are of.
/// </summary>
internal static class Exposure
{
    private const string Name = "exposure";
    private const string Title = "Gain over a baseline of as many epochs, by views of an image under each transformation";

    /// <summary>Writes <c>exposure.md</c>, <c>.svg</c> and <c>.png</c>.</summary>
    /// <exception cref="InvalidDataException">No run of SLA has a baseline beside it.</exception>
    public static void Write(IReadOnlyList<Line> lines, string folder)
    {
        var rows = Compare([.. lines.Where(line => line.IsOfThisLibrary)]).ToArray();
        if (rows.Length == 0)
            throw new InvalidDataException("No run of SLA is there that a baseline was trained as long as.");

        var page = new StringBuilder($"""
            # {Title}

            Made of [runs.jsonl](runs.jsonl) by `dotnet run -c Release --project benchmarks/Studies -- exposure`: all runs of SLA and SLA+SD of ConvNet-64 with random crops and
            flips on CIFAR-10 that a baseline was trained beside, for as many epochs of the same images.

            ![{Title}]({Name}.svg)

            | views of an image under each transformation | transformations | images of a class | epochs | views a step | what | seeds | gain |
            | --- | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var (run, inference, gains) in rows)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {Views(run):0.#} | {run.Transformations} | {run.ImagesPerClass} | {run.Epochs} | {run.ViewsPerStep} | {NameOf(run)}, {inference.ToLowerInvariant()} | {gains.Length} | {Estimate.Of(gains)} |");
        page.Append("""

            Gains are in points, with half of their 95 % interval over the seeds. "Views" is epochs x views a step / number of transformations.

            """);
        File.WriteAllText(Path.Combine(folder, $"{Name}.md"), page.ToString());
        GainFigure.WriteRows(Path.Combine(folder, Name), Title, [.. rows.Select(row => (
            string.Create(CultureInfo.InvariantCulture, $"{Views(row.Run):0.#} views ({row.Run.Transformations}, {row.Run.ImagesPerClass} a class): {NameOf(row.Run)}, {row.Inference.ToLowerInvariant()}"),
            Estimate.Of(row.Gains)))]);
    }

    private static IEnumerable<(Run Run, string Inference, double[] Gains)> Compare(IReadOnlyList<Line> lines) =>
        from line in lines.DistinctBy(line => line.Run)
        where line.Run is { Data: "cifar10", Architecture: "conv-net-64", Augment: "crop,flip", Objective: "sla" or "sla-sd" }
        let inference = line.Run.Objective == "sla" ? SlaInference.Aggregated : SlaInference.Distilled
        join baseline in lines.DistinctBy(line => line.Run) on line.Run with { Objective = "baseline", Transformations = "none", ViewsPerStep = 1 } equals baseline.Run
        group 100 * (line.Inferences[$"{inference}"].Accuracy - baseline.Inferences[$"{SlaInference.Single}"].Accuracy) by (Run: line.Run with { Seed = 0 }, Inference: $"{inference}") into ofSetting
        orderby Views(ofSetting.Key.Run), ofSetting.Key.Run.ImagesPerClass, ofSetting.Key.Run.Transformations
        select (ofSetting.Key.Run, ofSetting.Key.Inference, ofSetting.ToArray());

    private static double Views(Run run) => (double)run.Epochs * run.ViewsPerStep / TransformationSet.Parse(run.Transformations).Count;

    private static string NameOf(Run run) => run.Objective == "sla" ? "SLA" : "SLA+SD";
}
