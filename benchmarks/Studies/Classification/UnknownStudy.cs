using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>How well models tell images of classes that they do not know, and how good their thresholds are, over the seeds.</summary>
internal sealed record UnknownStudy : GridStudy<UnknownRun>
{
    public override Findings? Find(string file)
    {
        var lines = Studies.Lines.Read<UnknownLine>(file).DistinctBy(line => line.Run).ToArray();
        if (lines.Length == 0)
            return null;

        var page = new StringBuilder();
        foreach (var ofData in lines.GroupBy(line => line.Run.Data))
            AppendData(page, [.. ofData]);
        return new Findings(page.Append("""
            "Unknown" are test images of the classes that were held apart, "other data" images of another data set, and "mistakes"
            known images whose class is not predicted. An area is that under the receiver operating characteristic, in percent: the
            probability that a known image is above an unknown one, or a right prediction above a wrong one. 50 is chance. Figures
            are means over the seeds, ± half of their 95 % interval (Student's t). Each seed holds other classes apart.
            Differences are to the first row, seed by seed. "Accepted" and "wrong" are shares of the test images at the threshold
            for an error rate, which was chosen on rows that were kept from the training.

            """).ToString());
    }

    private static void AppendData(StringBuilder page, UnknownLine[] lines)
    {
        var rows = lines.SelectMany(line => line.Inferences.SelectMany(scored => Row.Of(line, scored.Key, scored.Value))).GroupBy(row => row.Name).Select(ofName => ofName.OrderBy(row => row.Seed).ToArray()).ToArray();
        var reference = rows[0];
        var run = lines[0].Run;
        page.AppendLine(CultureInfo.InvariantCulture, $"## {run.Data}, {run.HeldApart} classes held apart, {reference.Length} {(reference.Length == 1 ? "seed" : "seeds")}").AppendLine();
        page.AppendLine($"| trained, and what separates | accuracy | unknown | difference | {run.OtherData} | difference | mistakes | difference |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var ofName in rows)
        {
            page.AppendLine($"| {ofName[0].Name} | {Mean(ofName, row => row.Scores.Accuracy)} | {Mean(ofName, row => row.Areas.Unknown)} | {Difference(ofName, reference, row => row.Areas.Unknown)}"
                + $" | {Mean(ofName, row => row.Areas.Others)} | {Difference(ofName, reference, row => row.Areas.Others)} | {Mean(ofName, row => row.Areas.Wrong)} | {Difference(ofName, reference, row => row.Areas.Wrong)} |");
        }

        page.AppendLine().AppendLine("| trained | wanted error rate | known accepted | of these wrong | unknown accepted | other data accepted | log-loss | without temperature |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var ofModel in rows.DistinctBy(ofName => ofName[0].Model))
        {
            foreach (var ofRate in ofModel.SelectMany(row => row.Scores.Rejection.Select(rejected => (row.Scores, Rejected: rejected))).GroupBy(pair => pair.Rejected.Rate))
            {
                string Share(Func<Rejected, double> share) => string.Create(CultureInfo.InvariantCulture, $"{100 * ofRate.Average(pair => share(pair.Rejected)):F1} %");
                page.AppendLine(CultureInfo.InvariantCulture, $"| {ofModel[0].Model} | {ofRate.Key:P0} | {Share(r => r.Known)} | {Share(r => r.ErrorRate)} | {Share(r => r.Unknown)} | {Share(r => r.Others)} | {ofRate.Average(pair => pair.Scores.LogLoss):F3} | {ofRate.Average(pair => pair.Scores.LogLossUncalibrated):F3} |");
            }
        }

        page.AppendLine();
    }

    private static string Mean(Row[] rows, Func<Row, double> value) => Estimate.Spread([.. rows.Select(row => 100 * value(row))]).Replace(" %", "", StringComparison.Ordinal);

    private static string Difference(Row[] rows, Row[] reference, Func<Row, double> value)
    {
        double[] differences = [.. rows.Join(reference, row => row.Seed, row => row.Seed, (own, other) => 100 * (value(own) - value(other)))];
        return rows == reference || differences.Length == 0 ? "" : Estimate.Of(differences).ToString();
    }

    /// <summary>An inference of a training, and what separates its images.</summary>
    private sealed record Row(string Model, string What, int Seed, UnknownScores Scores, Separation Areas)
    {
        public string Name => $"{Model}, {What}";

        public static IEnumerable<Row> Of(UnknownLine line, string inference, UnknownScores scores)
        {
            string model = $"{line.Run.Objective}, {inference.ToLowerInvariant()}";
            yield return new Row(model, "probability", line.Run.Seed, scores, scores.ByProbability);
            if (scores.ByConfidence == scores.ByProbability)
                yield break;
            yield return new Row(model, "confidence", line.Run.Seed, scores, scores.ByConfidence);
        }
    }
}
