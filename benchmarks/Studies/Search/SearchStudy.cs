using System.Globalization;
using System.Text;

namespace Microsoft.ML.Sla.Studies;

/// <summary>What a search finds, against the library's defaults in the same time, and against an exhaustive comparison of transformation sets.</summary>
internal sealed record SearchStudy : GridStudy<SearchRun>
{
    public override Findings? Find(string file) => Studies.Lines.Read<SearchLine>(file) is { Count: > 0 } lines ? new Findings(Text(lines)) : null;

    private static string Text(IReadOnlyList<SearchLine> lines)
    {
        var comparisons = Comparisons(lines);
        var longest = comparisons.DistinctBy(comparison => (comparison.Data, comparison.Augmentation)).ToList();
        var page = new StringBuilder("""
            Searches, and the library's defaults in the same time. They learned all images, or four fifths of them. The other fifth
            then chose the best epoch:

            | time | data | seed | learned | test images | search | defaults | difference | found | its transformations among the sets | took |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var search in lines.Where(line => line.Run.Is(SearchRun.Search)).OrderByDescending(line => line.Run.Seconds).ThenBy(line => line.Run.Data).ThenBy(line => line.Run.IsHeldOut).ThenBy(line => line.Run.Seed))
            page.AppendLine(Row(search, lines, longest.Where(comparison => comparison.Data == search.Run.Data)));
        page.Append("""

            Sets of transformations by themselves. Each is the first trial of a search, and has the whole time and the named base
            augmentation:

            | time | data | augmentation | seeds | test images | transformations, best first |
            | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var comparison in comparisons)
            page.AppendLine(CultureInfo.InvariantCulture, $"| {Time(comparison.Any)} | {comparison.Data} | {comparison.Augmentation} | {comparison.Lines.DistinctBy(line => line.Run.Seed).Count()} | {comparison.Lines.Max(line => line.TestImages)} | {string.Join(", ", comparison.Sets.Select(set => string.Create(CultureInfo.InvariantCulture, $"{set.Name} {set.Accuracy:P1}")))} |");
        page.Append("""

            The set that is the best on the validation images of a seed, and its place on the test images of all:

            | time | data | augmentation | seed | best on the validation images | its place among the sets |
            | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var comparison in longest)
        {
            foreach (var ofSeed in comparison.Lines.GroupBy(line => line.Run.Seed).OrderBy(ofSeed => ofSeed.Key))
            {
                var best = ofSeed.MaxBy(line => line.ValidationAccuracy)!;
                page.AppendLine(CultureInfo.InvariantCulture, $"| {Time(comparison.Any)} | {comparison.Data} | {comparison.Augmentation} | {ofSeed.Key} | {best.Transformations} | {comparison.Place(best)} |");
            }
        }

        return page.ToString();
    }

    private static string Row(SearchLine search, IReadOnlyList<SearchLine> lines, IEnumerable<SetComparison> longest)
    {
        var run = search.Run;
        var defaults = lines.FirstOrDefault(line => line.Run.Is(SearchRun.Defaults)
            && (line.Run.Data, line.Run.Seed, line.Run.Seconds, line.Run.Threads, line.Run.IsHeldOut) == (run.Data, run.Seed, run.Seconds, run.Threads, run.IsHeldOut));
        return string.Create(CultureInfo.InvariantCulture,
            $"| {Time(run)} | {run.Data} | {run.Seed} | {(run.IsHeldOut ? "4/5" : "all")} | {search.TestImages} | {search.TestAccuracy:P1} | {defaults?.TestAccuracy:P1} | {100 * (search.TestAccuracy - defaults?.TestAccuracy):+0.0;-0.0;0.0} | {search.Configuration} | {string.Join(", ", longest.Select(comparison => $"{comparison.Place(search)} ({comparison.Augmentation})").DefaultIfEmpty("-"))} | {search.Took:F0} s |");
    }

    /// <summary>The sets of transformations by themselves, by their mean accuracy on test images over the seeds; those that had the longest time first.</summary>
    private static List<SetComparison> Comparisons(IReadOnlyList<SearchLine> lines) =>
    [
        .. lines
            .Where(line => !line.Run.Is(SearchRun.Search) && !line.Run.Is(SearchRun.Defaults))
            .GroupBy(line => (line.Run.Data, line.Run.Augmentation, line.Run.Seconds, line.Run.Threads))
            .OrderByDescending(group => group.Key.Seconds * group.Key.Threads)
            .ThenBy(group => group.Key.Data)
            .ThenBy(group => group.Key.Augmentation)
            .Select(group => new SetComparison(
                group.Key.Data,
                group.Key.Augmentation ?? "defaults",
                [.. group],
                [.. group.GroupBy(line => line.Transformations).Select(set => (Name: set.Key, Accuracy: set.Average(line => line.TestAccuracy))).OrderByDescending(set => set.Accuracy)])),
    ];

    private static string Time(SearchRun run) => string.Create(CultureInfo.InvariantCulture, $"{run.Seconds} s, {run.Threads} thread{(run.Threads == 1 ? "" : "s")}");

    /// <summary>Sets of transformations that had the same time on the same images.</summary>
    private sealed record SetComparison(string Data, string Augmentation, IReadOnlyList<SearchLine> Lines, List<(string Name, double Accuracy)> Sets)
    {
        public SearchRun Any => Lines[0].Run;

        /// <summary>Where a model's transformations are in the order; a dash where they were not compared.</summary>
        public string Place(SearchLine model)
        {
            int rank = Sets.FindIndex(set => set.Name == model.Transformations) + 1;
            return rank == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{rank} of {Sets.Count}");
        }
    }
}
