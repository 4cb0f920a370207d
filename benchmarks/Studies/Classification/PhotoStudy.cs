using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// Trainings on photos, with a network that stays as it is. Those on all photos are compared photo by photo with the baseline on one view.
/// Those on some photos of each class are a curve.
/// </summary>
internal sealed record PhotoStudy : GridStudy<PhotoRun>
{
    /// <summary>97.5 % quantile of the normal distribution.</summary>
    private const double Quantile = 1.96;

    public override Findings? Find(string file)
    {
        var lines = Studies.Lines.Read<PhotoLine>(file).DistinctBy(line => line.Run).ToArray();
        if (lines.Length == 0)
            return null;

        var page = new StringBuilder();
        foreach (var ofData in lines.GroupBy(line => line.Run.Data))
            AppendData(page, ofData.Key, [.. ofData]);
        return new Findings(page.Append("""
            "ECE" is the expected calibration error in 15 bins (Guo et al. 2017). Differences are to the first row of a table,
            on the same photos, ± half of their 95 % interval: that of accuracies by McNemar's variance, with the numbers of
            photos that only this row and only the first row has right. Curves are means over the seeds ± their standard
            deviation. The network is ResNet-18 of Microsoft's package. Its weights stay as they are.

            """).ToString());
    }

    private static void AppendData(StringBuilder page, string data, PhotoLine[] lines)
    {
        Row[] all = [.. lines.Where(line => line.Run.ImagesPerClass is null).SelectMany(Row.Of)];
        if (all.FirstOrDefault(row => row.IsReference) is { } reference)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"## {data}, {reference.Scores.Right.Length} test photos").AppendLine();
            page.AppendLine("| trained | pixels | inference | accuracy | macro accuracy | log-loss | ECE | accuracy, difference in points | log-loss, difference |");
            page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
            foreach (var row in all.OrderByDescending(row => row.IsReference))
            {
                string differences = row.IsReference ? " | " : $"{AccuracyDifference(row.Scores, reference.Scores)} | {LossDifference(row.Scores, reference.Scores)}";
                page.AppendLine(CultureInfo.InvariantCulture, $"| {row.Name} | {row.Run.ImageSize} | {row.Inference.ToLowerInvariant()} | {row.Scores.Accuracy:P1} | {row.Scores.MacroAccuracy:P1} | {row.Scores.LogLoss:F3} | {row.Scores.CalibrationError:F3} | {differences} |");
            }

            page.AppendLine();
        }

        var some = lines.Where(line => line.Run.ImagesPerClass is not null).SelectMany(Row.Of)
            .GroupBy(row => (row.Name, row.Inference)).ToArray();
        if (some.Length == 0)
            return;
        int[] sizes = [.. some.SelectMany(rows => rows).Select(row => row.Run.ImagesPerClass!.Value).Distinct().Order()];
        page.AppendLine(CultureInfo.InvariantCulture, $"## {data}, by the number of training photos of each class").AppendLine();
        page.AppendLine($"| trained | inference | {string.Join(" | ", sizes)} |").AppendLine($"| --- | --- |{string.Concat(sizes.Select(_ => " --- |"))}");
        foreach (var rows in some)
        {
            var cells = sizes.Select(size => rows.Where(row => row.Run.ImagesPerClass == size).Select(row => 100 * row.Scores.Accuracy).ToArray())
                .Select(percentages => percentages.Length == 0 ? "" : Estimate.Spread(percentages));
            page.AppendLine($"| {rows.Key.Name} | {rows.Key.Inference.ToLowerInvariant()} | {string.Join(" | ", cells)} |");
        }

        page.AppendLine();
    }

    private static string AccuracyDifference(PhotoScores own, PhotoScores other)
    {
        var compared = SlaPairedComparison.Of(own.IsRight, 0, other.IsRight);
        return $"{new Estimate(100 * compared.Difference, 100 * Quantile * compared.StandardError)} ({compared.Better} : {compared.Worse})";
    }

    private static string LossDifference(PhotoScores own, PhotoScores other)
    {
        var difference = new EpisodeMean(own.Losses).Minus(new EpisodeMean(other.Losses));
        return string.Create(CultureInfo.InvariantCulture, $"{difference.Mean:+0.000;-0.000} ± {difference.HalfWidth:F3}");
    }

    /// <summary>A training with an inference.</summary>
    private sealed record Row(PhotoRun Run, string Inference, PhotoScores Scores)
    {
        /// <summary>Whether the others are compared with it.</summary>
        public bool IsReference => Run is { Objective: "baseline", Augment: "none", ImageSize: 224, Precision: null };

        public string Name => Run.Objective == PhotoRun.MLNet
            ? "ML.NET's pipeline"
            : $"{Run.Objective}{(Run.Transformations == "none" ? "" : $", {Run.Transformations}")}{(Run.Augment == "none" ? "" : $", {Run.Augment}")}{(Run.Precision is null ? "" : $", {Run.Precision}")}";

        public static IEnumerable<Row> Of(PhotoLine line) => line.Inferences.Select(scored => new Row(line.Run, scored.Key, scored.Value));
    }
}
