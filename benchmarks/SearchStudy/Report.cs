using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.SearchStudy;

/// <summary>The tables of docs/search.md.</summary>
internal static class Report
{
    public static string Of(IReadOnlyList<Measurement> measurements)
    {
        var comparisons = Comparisons(measurements);
        var longest = comparisons.DistinctBy(comparison => (comparison.Data, comparison.Augmentation)).ToList();
        var text = new StringBuilder()
            .AppendLine("| time | data | seed | learned | test images | search | defaults | difference | found | its transformations among the sets | took |")
            .AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var search in measurements.Where(m => m.Is("search")).OrderByDescending(m => m.Seconds).ThenBy(m => m.Data).ThenBy(m => m.IsHeldOut).ThenBy(m => m.Seed))
            text.AppendLine(Row(search, measurements, longest.Where(comparison => comparison.Data == search.Data)));
        text.AppendLine().AppendLine("| time | data | augmentation | seeds | test images | transformations, best first |").AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var comparison in comparisons)
            text.AppendLine(CultureInfo.InvariantCulture, $"| {Time(comparison.Seconds, comparison.Threads)} | {comparison.Data} | {comparison.Augmentation} | {comparison.Runs.DistinctBy(m => m.Seed).Count()} | {comparison.Runs.Max(m => m.TestImages)} | {string.Join(", ", comparison.Sets.Select(set => string.Create(CultureInfo.InvariantCulture, $"{set.Name} {set.Accuracy:P1}")))} |");
        text.AppendLine().AppendLine("| time | data | augmentation | seed | best on the validation images | its place among the sets |").AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var comparison in longest)
        {
            foreach (var seed in comparison.Runs.GroupBy(m => m.Seed).OrderBy(seed => seed.Key))
            {
                var best = seed.MaxBy(m => m.ValidationAccuracy)!;
                text.AppendLine(CultureInfo.InvariantCulture, $"| {Time(comparison.Seconds, comparison.Threads)} | {comparison.Data} | {comparison.Augmentation} | {seed.Key} | {best.Transformations} | {comparison.Place(best)} |");
            }
        }

        return text.ToString();
    }

    private static string Row(Measurement search, IReadOnlyList<Measurement> measurements, IEnumerable<Comparison> longest)
    {
        var defaults = measurements.FirstOrDefault(m => m.Is("defaults")
            && (m.Data, m.Seed, m.Seconds, m.Threads, m.IsHeldOut) == (search.Data, search.Seed, search.Seconds, search.Threads, search.IsHeldOut));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {Time(search.Seconds, search.Threads)} | {search.Data} | {search.Seed} | {(search.IsHeldOut ? "4/5" : "all")} | {search.TestImages} | {search.TestAccuracy:P1} | {defaults?.TestAccuracy:P1} | {100 * (search.TestAccuracy - defaults?.TestAccuracy):+0.0;-0.0;0.0} | {search.Configuration} | {string.Join(", ", longest.Select(comparison => $"{comparison.Place(search)} ({comparison.Augmentation})").DefaultIfEmpty("-"))} | {search.Took:F0} s |");
    }

    /// <summary>The sets of transformations by themselves, by their mean accuracy on test images over the seeds; those that had the longest time first.</summary>
    private static List<Comparison> Comparisons(IReadOnlyList<Measurement> measurements) =>
    [
        .. measurements
            .Where(m => !m.Is("search") && !m.Is("defaults"))
            .GroupBy(m => (m.Data, m.Augmentation, m.Seconds, m.Threads))
            .OrderByDescending(group => group.Key.Seconds * group.Key.Threads)
            .ThenBy(group => group.Key.Data)
            .ThenBy(group => group.Key.Augmentation)
            .Select(group => new Comparison(
                group.Key.Data,
                group.Key.Augmentation ?? "defaults",
                group.Key.Seconds,
                group.Key.Threads,
                [.. group],
                [.. group.GroupBy(m => m.Transformations).Select(set => (Name: set.Key, Accuracy: set.Average(m => m.TestAccuracy))).OrderByDescending(set => set.Accuracy)])),
    ];

    private static string Time(uint seconds, int threads) => string.Create(CultureInfo.InvariantCulture, $"{seconds} s, {threads} thread{(threads == 1 ? "" : "s")}");

    private sealed record Comparison(string Data, string Augmentation, uint Seconds, int Threads, List<Measurement> Runs, List<(string Name, double Accuracy)> Sets)
    {
        /// <summary>Where a model's transformations are in the order; a dash where they were not compared.</summary>
        public string Place(Measurement model)
        {
            int rank = Sets.FindIndex(set => set.Name == model.Transformations) + 1;
            return rank == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{rank} of {Sets.Count}");
        }
    }
}
