using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>The tables of docs/search.md.</summary>
internal static class Report
{
    public static string Of(IReadOnlyList<Measurement> measurements)
    {
        var text = new StringBuilder()
            .AppendLine("| time | data | seed | search | defaults | difference | found | its transformations among the sets | took |")
            .AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var search in measurements.Where(m => m.What == "search").OrderByDescending(m => m.Seconds).ThenBy(m => m.Data).ThenBy(m => m.Seed))
            text.AppendLine(Row(search, measurements));
        text.AppendLine().AppendLine("| data | transformations, best first |").AppendLine("| --- | --- |");
        foreach (var data in measurements.Select(m => m.Data).Distinct().Order())
            text.AppendLine(CultureInfo.InvariantCulture, $"| {data} | {string.Join(", ", Sets(data, measurements).Select(set => string.Create(CultureInfo.InvariantCulture, $"{set.Name} {set.Accuracy:P1}")))} |");
        return text.ToString();
    }

    private static string Row(Measurement search, IReadOnlyList<Measurement> measurements)
    {
        var defaults = measurements.FirstOrDefault(m => m.What == "defaults" && (m.Data, m.Seed, m.Seconds, m.Threads) == (search.Data, search.Seed, search.Seconds, search.Threads));
        var sets = Sets(search.Data, measurements);
        int rank = sets.FindIndex(set => set.Name == search.Transformations) + 1;
        return string.Create(CultureInfo.InvariantCulture,
            $"| {search.Seconds} s, {search.Threads} thread{(search.Threads == 1 ? "" : "s")} | {search.Data} | {search.Seed} | {search.TestAccuracy:P1} | {defaults?.TestAccuracy:P1} | {100 * (search.TestAccuracy - defaults?.TestAccuracy):+0.0;-0.0} | {search.Configuration} | {(rank == 0 ? "-" : $"{rank} of {sets.Count}")} | {search.Took:F0} s |");
    }

    /// <summary>The sets of transformations by themselves, by their mean accuracy on test images over the seeds.</summary>
    private static List<(string Name, double Accuracy)> Sets(string data, IReadOnlyList<Measurement> measurements) =>
    [
        .. measurements
            .Where(m => m.Data == data && m.What is not ("search" or "defaults"))
            .GroupBy(m => m.Transformations)
            .Select(set => (set.Key, set.Average(m => m.TestAccuracy)))
            .OrderByDescending(set => set.Item2),
    ];
}
