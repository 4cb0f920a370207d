using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// What SLA gains over the baseline, by how often an image is trained on under each transformation: of all runs that there are, whichever
/// study they are of.
/// </summary>
internal sealed record ExposureStudy : Study<TrainingRun>
{
    public override Findings? Find(string file) => Compare(TrainingLine.Read(file)).ToArray() is { Length: > 0 } rows
        ? new Findings(Text(rows), path => Draw(rows, path))
        : null;

    private static string Text(IEnumerable<(TrainingRun Run, string Inference, double[] Gains)> rows)
    {
        var page = new StringBuilder("""
            All runs of SLA and SLA+SD that have a baseline beside them, with as many epochs on the same images of CIFAR-10. The
            network is ConvNet-64, with random crops and flips.

            | views of an image under each transformation | transformations | images of a class | epochs | views a step | what | seeds | gain |
            | --- | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var (run, inference, gains) in rows)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {Views(run):0.#} | {run.Transformations} | {run.ImagesPerClass} | {run.Epochs} | {run.ViewsPerStep} | {NameOf(run)}, {inference.ToLowerInvariant()} | {gains.Length} | {Estimate.Of(gains)} |");
        return page.Append("""

            Gains are in points, ± half of their 95 % interval over the seeds. "Views" is epochs x views a step / number of
            transformations.

            """).ToString();
    }

    private void Draw(IEnumerable<(TrainingRun Run, string Inference, double[] Gains)> rows, string path) => GainFigure.WriteRows(path, Title, [.. rows.Select(row => (
        string.Create(CultureInfo.InvariantCulture, $"{Views(row.Run):0.#} views ({row.Run.Transformations}, {row.Run.ImagesPerClass} a class): {NameOf(row.Run)}, {row.Inference.ToLowerInvariant()}"),
        Estimate.Of(row.Gains)))]);

    private static IEnumerable<(TrainingRun Run, string Inference, double[] Gains)> Compare(IReadOnlyList<TrainingLine> lines) =>
        from line in lines.DistinctBy(line => line.Run)
        where line.Run is { Data: "cifar10", Architecture: "conv-net-64", Augment: "crop,flip", Objective: "sla" or "sla-sd" }
        let inference = line.Run.Objective == "sla" ? SlaInference.Aggregated : SlaInference.Distilled
        join baseline in lines.DistinctBy(line => line.Run) on line.Run with { Objective = "baseline", Transformations = "none", ViewsPerStep = 1 } equals baseline.Run
        group 100 * (line.Inferences[$"{inference}"].Accuracy - baseline.Inferences[$"{SlaInference.Single}"].Accuracy) by (Run: line.Run with { Seed = 0 }, Inference: $"{inference}") into ofSetting
        orderby Views(ofSetting.Key.Run), ofSetting.Key.Run.ImagesPerClass, ofSetting.Key.Run.Transformations
        select (ofSetting.Key.Run, ofSetting.Key.Inference, ofSetting.ToArray());

    private static double Views(TrainingRun run) => (double)run.Epochs * run.ViewsPerStep / TransformationSet.Parse(run.Transformations).Count;

    private static string NameOf(TrainingRun run) => run.Objective == "sla" ? "SLA" : "SLA+SD";
}
