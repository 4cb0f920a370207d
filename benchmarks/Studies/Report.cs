using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The table of a study in Markdown, and its figure, made of the lines alone.</summary>
internal sealed class Report(Study study, IEnumerable<Line> lines)
{
    private readonly IReadOnlyList<Comparison> _comparisons = Comparison.Of(study, lines.Where(line => line.IsOfThisLibrary));

    /// <summary>Writes <c>STUDY.md</c>, <c>STUDY.svg</c> and <c>STUDY.png</c> into a folder.</summary>
    /// <exception cref="InvalidDataException">No run of the study is there.</exception>
    public void Write(string folder)
    {
        if (_comparisons.Count == 0)
            throw new InvalidDataException($"No run of the study '{study.Name}' is there: 'run {study.Name}' first.");

        File.WriteAllText(Path.Combine(folder, $"{study.Name}.md"), Page());
        WriteFigure(Path.Combine(folder, study.Name));
    }

    private string Page()
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # {study.Title}

            Made of [runs.jsonl](runs.jsonl) by `dotnet run -c Release --project benchmarks/Studies -- report {study.Name}`, which were trained by the command that each line names,
            such as `dotnet run -c Release --project benchmarks/Studies -- run {study.Name}`. What is trained is in [{study.Name}.json](../../benchmarks/Studies/studies/{study.Name}.json).

            ![{study.Title}]({study.Name}.svg)


            """);
        foreach (var ofSize in _comparisons.GroupBy(comparison => comparison.ImagesPerClass))
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"{ofSize.Key:N0} images of each class, {ofSize.First().Lines[0].Run.Epochs} epochs of {ofSize.First().Lines[0].Run.StepsPerEpoch:N0} steps in the first row:").AppendLine();
            page.AppendLine("| what | seeds | accuracy | gain, paired | log-loss | training, processor seconds | scoring, processor ms an image |");
            page.AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
            foreach (var comparison in ofSize)
                page.AppendLine(RowOf(comparison));
            page.AppendLine();
        }

        return page.Append("""
            Accuracy is the mean over the seeds with its standard deviation. A gain is the mean, in points, of the differences from the row that is named, seed by seed, with half of its
            95 % interval (Student's t): where it is larger than the gain, the gain may be chance.

            """).ToString();
    }

    private static string RowOf(Comparison comparison) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {comparison.Row.Name} | {comparison.Scores.Count} | {Estimate.Spread(comparison.Accuracies)} | {(comparison.Gain is { } gain ? $"{gain} over {comparison.Row.Against}" : "")} | {comparison.Scores.Average(scores => scores.LogLoss):F3} | {comparison.TrainingSeconds:F0} | {comparison.Scores.Average(scores => scores.ScoringMilliseconds):F2} |");

    private void WriteFigure(string path)
    {
        var compared = _comparisons.Where(comparison => comparison.Gain is not null).ToArray();
        if (study.ImagesPerClass.Count == 1)
        {
            GainFigure.WriteRows(path, study.Title, [.. compared.Select(comparison => (comparison.Row.Label, comparison.Gain!))]);
            return;
        }

        GainFigure.WriteBySize(
            path,
            study.Title,
            "training images of each class",
            [.. study.ImagesPerClass.Select(size => size.ToString("N0", CultureInfo.InvariantCulture))],
            [.. compared.GroupBy(comparison => comparison.Row).Select(ofRow => (
                ofRow.Key.Name,
                (IReadOnlyList<Estimate?>)[.. study.ImagesPerClass.Select(size => ofRow.FirstOrDefault(comparison => comparison.ImagesPerClass == size)?.Gain)]))]);
    }
}
