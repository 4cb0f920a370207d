using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>The tables of docs/search.md.</summary>
internal static class Report
{
    public static string Of(IEnumerable<Measurement> measurements)
    {
        var text = new StringBuilder();
        foreach (var study in measurements.GroupBy(m => (m.Data, m.Seconds, m.Threads)))
        {
            var bySeed = study.GroupBy(m => m.Seed).OrderBy(seed => seed.Key).ToList();
            text.AppendLine(CultureInfo.InvariantCulture, $"### {study.Key.Data}, {study.Key.Seconds} seconds, {study.Key.Threads} threads").AppendLine()
                .AppendLine("| seed | search | defaults | difference | found | its set among the sets by themselves | took |")
                .AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
            foreach (var seed in bySeed)
                text.AppendLine(Row(seed));
            text.AppendLine().AppendLine("| transformations | test accuracy, mean of the seeds |").AppendLine("| --- | --- |");
            foreach (var set in study.Where(IsSet).GroupBy(m => m.What).OrderByDescending(set => set.Average(m => m.TestAccuracy)))
                text.AppendLine(CultureInfo.InvariantCulture, $"| {set.Key} | {set.Average(m => m.TestAccuracy):P1} ({set.Count()}) |");
            text.AppendLine();
        }

        return text.ToString();
    }

    private static string Row(IGrouping<int, Measurement> seed)
    {
        var search = seed.FirstOrDefault(m => m.What == "search");
        var defaults = seed.FirstOrDefault(m => m.What == "defaults");
        var sets = seed.Where(IsSet).OrderByDescending(m => m.TestAccuracy).ToList();
        int rank = search is null ? 0 : sets.FindIndex(m => m.Transformations == search.Transformations) + 1;
        return string.Create(CultureInfo.InvariantCulture,
            $"| {seed.Key} | {search?.TestAccuracy:P1} | {defaults?.TestAccuracy:P1} | {100 * (search?.TestAccuracy - defaults?.TestAccuracy):+0.0;-0.0} | {search?.Configuration} | {(rank == 0 ? "-" : $"{rank} of {sets.Count}")} | {search?.Took:F0} s |");
    }

    private static bool IsSet(Measurement measurement) => measurement.What is not ("search" or "defaults");
}
