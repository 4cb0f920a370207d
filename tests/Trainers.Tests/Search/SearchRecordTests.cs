using System.Text.Json.Nodes;
using Microsoft.ML.Sla.Search;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Tests.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What an experiment records in its folder, and how it goes on from there.</summary>
public sealed class SearchRecordTests : SearchTest
{
    private const string FolderVariable = "SLA_TEST_SEARCH_FOLDER";

    [Fact]
    public void The_same_seed_finds_the_same_model_with_the_same_trials()
    {
        using var first = Experiment().Run();
        using var second = Experiment().Run();
        Assert.True(first.IsComplete);
        Assert.Equal(first.Trials.Select(Summary), second.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(second));
        Assert.Equal(4, first.Trials.Count);
        Assert.Equal("defaults", first.Trials[0].Name);
    }

    [Fact]
    public void Trials_are_recorded_with_configuration_metrics_versions_and_a_paired_comparison()
    {
        using var result = Experiment(Folder).Run();
        var lines = File.ReadLines(Path.Combine(Folder, "trials.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(result.Trials.Sum(trial => trial.Intervals.Count), lines.Count);
        Assert.Equal([1, 2, 3, 4], lines.Take(4).Select(line => (int)line["trial"]!));
        Assert.All(lines, line =>
        {
            Assert.Equal(7, (int)line["seed"]!);
            Assert.True((long)line["interval"]!["steps"]! > 0);
            Assert.True((double)line["interval"]!["seconds"]! > 0);
            Assert.InRange((double)line["interval"]!["logLoss"]!, 0, 10);
            Assert.Contains(line["versions"]!.AsObject(), version => version.Key == "TorchSharp");
        });

        // Bits of the rows give the accuracy, and the comparison.
        bool[][] rows = [.. lines.Take(4).Select(line => Bits((string)line["right"]!))];
        Assert.Equal(lines.Take(4).Select(line => (double)line["interval"]!["accuracy"]!), rows.Select(row => row.Count(right => right) / (double)ValidationRows), (a, b) => Math.Abs(a - b) < 1e-9);
        var against = lines[1]["interval"]!["against"]!;
        Assert.Equal(1, (int)against["trial"]!);
        Assert.Equal(rows[1].Zip(rows[0]).Count(row => row.First && !row.Second), (int)against["better"]!);
        Assert.Equal(rows[1].Zip(rows[0]).Count(row => !row.First && row.Second), (int)against["worse"]!);
    }

    [Fact]
    public async Task Killed_at_any_moment_the_search_goes_on_to_the_same_trials_and_model()
    {
        if (TestProcess.IsThis)
        {
            Experiment(Environment.GetEnvironmentVariable(FolderVariable), holdOut: false).Run().Dispose();
            return;
        }

        using var whole = Experiment(Path.Combine(Folder, "whole"), holdOut: false).Run();
        string folder = Path.Combine(Folder, "killed");
        string record = Path.Combine(folder, "trials.jsonl");
        foreach (int lines in new[] { 1, 3, 5, 6 })
        {
            using var search = TestProcess.Start(GetType(), nameof(Killed_at_any_moment_the_search_goes_on_to_the_same_trials_and_model), FolderVariable, folder);
            while (!search.HasExited && Lines(record) < lines)
                await Task.Delay(1, TestContext.Current.CancellationToken);
            search.Kill();
            await search.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        int before = Lines(record);
        Assert.InRange(before, 6, 7);

        // What the system left of a line, as after a power failure.
        await File.AppendAllTextAsync(record, "{\"trial\":4,\"conf", TestContext.Current.CancellationToken);
        using var resumed = Experiment(folder, holdOut: false).Run();
        Assert.Equal(whole.Trials.Select(Summary), resumed.Trials.Select(Summary));
        Assert.Equal(Weights(whole), Weights(resumed));
        Assert.Equal(Lines(Path.Combine(Folder, "whole", "trials.jsonl")), Lines(record));

        static int Lines(string path)
        {
            if (!File.Exists(path))
                return 0;
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Count(character => character == '\n');
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_that_is_complete_is_read_from_its_folder(bool holdOut)
    {
        using var first = Experiment(Folder, trials: 14, holdOut: holdOut).Run();
        long length = new FileInfo(Path.Combine(Folder, "trials.jsonl")).Length;
        using var again = Experiment(Folder, trials: 14, holdOut: holdOut).Run();
        Assert.Equal(first.Trials.Select(Summary), again.Trials.Select(Summary));
        Assert.Equal(Weights(first), Weights(again));
        Assert.Equal(length, new FileInfo(Path.Combine(Folder, "trials.jsonl")).Length);

        // The checkpoint of the winner alone is left.
        Assert.Equal($"trial-{first.Best.Number:000}", Path.GetFileName(Assert.Single(Directory.GetDirectories(Folder))));
    }

    [Theory]
    [InlineData("Search space")]
    [InlineData("Data set")]
    [InlineData("Rows held out to the end")]
    [InlineData("Metric")]
    [InlineData("Trials")]
    public void Another_search_in_the_folder_is_refused_by_name(string difference)
    {
        Experiment(Folder).Run().Dispose();
        var other = difference switch
        {
            "Search space" => Experiment(Folder).SetSearchSpace(Space().Remove("WeightDecay")),
            "Data set" => Experiment(Folder, classes: 2),
            "Rows held out to the end" => Experiment(Folder, holdOut: false),
            "Metric" => Experiment(Folder).SetMetric(SearchMetric.LogLoss),
            _ => Experiment(Folder, trials: 5),
        };
        string message = Assert.Throws<InvalidOperationException>(() => other.Run()).Message;
        Assert.Contains("another search", message, StringComparison.Ordinal);
        Assert.Contains($"{difference}: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_has_one_search_at_a_time()
    {
        using var first = new SearchFolder(Folder);
        Assert.Contains("is using it", Assert.Throws<IOException>(() => Experiment(Folder).Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_saved_plan_keeps_the_names_of_its_members()
    {
        var baseline = new Dictionary<string, string> { ["Architecture"] = "conv-net-64" };
        using (var folder = new SearchFolder(Folder))
            folder.Save(SearchPlan.Empty with { Baseline = baseline });
        var plan = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "search.json")))!.AsObject();
        Assert.Equal(["identity", "usual", "frozen", "ladder", "overheadSeconds", "trials", "latencies", "checksum"], plan.Select(member => member.Key));

        using var again = new SearchFolder(Folder);
        Assert.Equal(baseline, again.Plan!.Baseline);
    }

    private static bool[] Bits(string digits)
    {
        byte[] bytes = Convert.FromHexString(digits);
        return [.. Enumerable.Range(0, ValidationRows).Select(row => (bytes[row / 8] & (1 << (row % 8))) != 0)];
    }
}
