using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class StudiesTests : FolderTest
{
    private const string Settings =
        """
        "common": {
            "data": "cifar10", "transformations": "rotation", "viewsPerStep": 2, "architecture": "conv-net-8", "augment": "crop",
            "steps": 4, "batchSize": 10, "learningRate": 0.1, "weightDecay": 5e-4
          },
          "settings": { "baseline": { "objective": "baseline" }, "SLA": { "objective": "sla" }, "two": { "objective": "baseline", "members": 2 } },
          "rows": [
            { "name": "baseline", "setting": "baseline", "inference": "Single" },
            { "name": "SLA, aggregated", "setting": "SLA", "inference": "Aggregated", "against": "baseline" },
            { "name": "two networks", "setting": "two", "inference": "Ensemble2", "against": "baseline" }
          ]
        """;

    [Fact]
    public async Task Every_run_is_trained_once_and_its_line_says_what_made_it()
    {
        string study = Write("tiny.json", $$"""{ "title": "Tiny", "imagesPerClass": [4], "seeds": [1], {{Settings}} }""");
        string[] command = ["run", study, "--cifar", FashionImages.Folder, "--results", Folder];
        var first = await ProgramRun.RunAsync("Studies", command);
        Assert.True(first.Code == 0, first.Output + first.Error);
        var lines = File.ReadLines(InFolder("tiny.jsonl")).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(3, lines.Length);

        var sla = lines.Single(line => (string)line["run"]!["objective"]! == "sla");
        Assert.Equal((4, 10, 1), ((int)sla["run"]!["imagesPerClass"]!, (int)sla["run"]!["batchSize"]!, (int)sla["run"]!["epochs"]!));
        Assert.Equal(["Aggregated", "Single"], sla["inferences"]!.AsObject().Select(inference => inference.Key).Order());
        Assert.All(sla["inferences"]!.AsObject(), inference => Assert.InRange((double)inference.Value!["accuracy"]!, 0.0, 1.0));
        Assert.True((double)sla["processorSeconds"]! > 0 && (double)sla["inferences"]!["Single"]!["scoringMilliseconds"]! > 0);
        Assert.Contains("benchmarks/Studies -- run", (string)sla["command"]!, StringComparison.Ordinal);
        Assert.NotNull(sla["machine"]!["torchSharp"]);

        // A baseline has no views, and the first network of an ensemble is the run of one with the same seed.
        double single = (double)lines.Single(line => (string)line["run"]!["objective"]! == "baseline" && (int)line["run"]!["members"]! == 1)["inferences"]!["Single"]!["logLoss"]!;
        double firstMember = (double)lines.Single(line => (int)line["run"]!["members"]! == 2)["inferences"]!["Ensemble1"]!["logLoss"]!;
        Assert.Equal(single, firstMember);

        var second = await ProgramRun.RunAsync("Studies", command);
        Assert.Contains("3 runs, 0 of them to do", second.Output, StringComparison.Ordinal);
        Assert.Equal(3, File.ReadLines(InFolder("tiny.jsonl")).Count());
    }

    [Fact]
    public async Task A_table_has_means_deviations_and_paired_gains_of_the_lines()
    {
        string study = Write("known.json", $$"""{ "title": "Known", "imagesPerClass": [4], "seeds": [1, 2, 3], {{Settings}} }""");
        double[] baseline = [0.50, 0.52, 0.54], sla = [0.53, 0.56, 0.56], two = [0.50, 0.53, 0.54];
        File.WriteAllLines(InFolder("known.jsonl"), Enumerable.Range(0, 3).SelectMany(seed => (string[])
        [
            Line("baseline", "none", 1, 1, seed + 1, "Single", baseline[seed], seconds: 10),
            Line("sla", "rotation", 2, 1, seed + 1, "Aggregated", sla[seed], seconds: 22),
            Line("baseline", "none", 1, 2, seed + 1, "Ensemble2", two[seed], seconds: 20),
        ]));
        var run = await ProgramRun.RunAsync("Studies", "report", study, "--results", Folder, "--pages", Folder);
        Assert.True(run.Code == 0, run.Error);

        // The mean of 3, 4 and 2 points is 3, their deviation 1, and half the interval 4.303 / sqrt(3) = 2.48.
        string table = File.ReadAllText(InFolder("known.md"));
        Assert.Contains("| baseline | 3 | 52.0 % ± 2.0 |  | 1.500 | 10 | 0.50 |", table, StringComparison.Ordinal);
        Assert.Contains("| SLA, aggregated | 3 | 55.0 % ± 1.7 | +3.0 ± 2.5 over baseline | 1.500 | 22 | 0.50 |", table, StringComparison.Ordinal);
        Assert.Contains("| two networks | 3 | 52.3 % ± 2.1 | +0.3 ± 1.4 over baseline | 1.500 | 20 | 0.50 |", table, StringComparison.Ordinal);
        Assert.Contains("SLA, aggregated, over baseline", File.ReadAllText(InFolder("known.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trainings_of_a_time_are_compared_by_minutes_on_images_of_a_pilot()
    {
        string study = Write("equal.json", """
            {
              "title": "Equal", "seconds": [2, 3], "seeds": [1],
              "common": {
                "data": "cifar10", "imagesPerClass": 4, "pilotImagesPerClass": 2, "viewsPerStep": 2, "architecture": "conv-net-8",
                "augment": "none", "batchSize": 10, "learningRate": 0.1, "weightDecay": 5e-4
              },
              "settings": { "baseline": { "objective": "baseline" }, "SLA": { "objective": "sla", "transformations": "rotation2" } },
              "rows": [
                { "name": "baseline", "setting": "baseline", "inference": "Single" },
                { "name": "SLA, aggregated", "setting": "SLA", "inference": "Aggregated", "against": "baseline" }
              ]
            }
            """);
        var lines = await RunAndReport(study, runs: 4);
        Assert.All(lines, line => Assert.InRange((double)line["seconds"]!, 0.7 * (int)line["run"]!["seconds"]!, 8 + (int)line["run"]!["seconds"]!));

        // Two images of each of ten classes: an accuracy is a number of twentieths.
        Assert.All(lines.SelectMany(line => line["inferences"]!.AsObject()), inference => Assert.True(double.IsInteger(Math.Round(20 * (double)inference.Value!["accuracy"]!, 9))));
        Assert.Contains("0.1 minutes of one thread, 4 images of each class:", File.ReadAllText(InFolder("equal.md")), StringComparison.Ordinal);
        Assert.Contains("minutes of training on one thread", File.ReadAllText(InFolder("equal.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_trains_on_from_the_weights_of_another()
    {
        string study = Write("weights.json", """
            {
              "title": "Weights", "imagesPerClass": [4], "seeds": [1],
              "common": {
                "data": "cifar10", "classes": "bag,coat", "objective": "sla", "transformations": "rotation", "viewsPerStep": 1, "architecture": "conv-net-8",
                "augment": "none", "epochs": 1, "batchSize": 4, "learningRate": 0.1, "weightDecay": 5e-4
              },
              "settings": { "tuned": { "pretrained": "weights" }, "scratch": {}, "weights": { "classes": "dress,sandal", "keepModel": true } },
              "rows": [
                { "name": "scratch", "setting": "scratch", "inference": "Single" },
                { "name": "tuned", "setting": "tuned", "inference": "Single", "against": "scratch" }
              ]
            }
            """);
        var lines = await RunAndReport(study, runs: 3);
        var tuned = lines.Single(line => line["run"]!["pretrained"] is not null);
        Assert.Equal("dress,sandal", (string)tuned["run"]!["pretrained"]!["classes"]!);
        var scratch = lines.Single(line => (string)line["run"]!["classes"]! == "bag,coat" && line["run"]!["pretrained"] is null);
        Assert.NotEqual((double)scratch["trainingLoss"]!, (double)tuned["trainingLoss"]!);
        Assert.Contains("| tuned | 1 |", File.ReadAllText(InFolder("weights.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Uneven_classes_are_drawn_by_their_ratio_and_measured_by_class()
    {
        string study = Write("uneven.json", """
            {
              "kind": "imbalanced", "title": "Uneven",
              "common": {
                "data": "cifar10", "imagesPerClass": 20, "testImagesPerClass": 4, "transformations": "rotation", "viewsPerStep": 2, "architecture": "conv-net-8",
                "augment": "none", "batchSize": 10, "learningRate": 0.1, "weightDecay": 5e-4
              },
              "runs": [{ "ratio": [1, 10], "epochs": 1, "loss": "LDAM-DRW", "objective": ["baseline", "sla-sd"], "seed": 1 }]
            }
            """);
        var lines = await RunAndReport(study, runs: 4);
        Assert.Equal(4, lines.DistinctBy(line => (double)line["trainingLoss"]!).Count());
        Assert.All(lines.SelectMany(line => line["inferences"]!.AsObject()), inference =>
        {
            double[] recalls = inference.Value!["recalls"]!.Deserialize<double[]>()!;
            Assert.Equal(10, recalls.Length);
            Assert.Equal(recalls.Average(), (double)inference.Value!["accuracy"]!, 12);
        });
        Assert.Contains("| 10 | 1 | 1 | LDAM-DRW |", File.ReadAllText(InFolder("uneven.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embeddings_are_measured_on_classes_that_they_were_not_trained_on()
    {
        string study = Write("episodes.json", """
            {
              "kind": "few-shot", "title": "Episodes",
              "common": {
                "data": "cifar10", "evaluationClasses": "bag,coat,dress", "imagesPerClass": 10, "evaluationImagesPerClass": 10, "transformations": "rotation2",
                "architecture": "conv-net-8", "augment": "none", "episodes": 2, "ways": 2, "shots": 1, "queries": 2, "weightDecay": 5e-4,
                "evaluationSizes": "3x1,2x5", "evaluationQueries": 4, "evaluationEpisodes": 5
              },
              "runs": [{ "objective": ["baseline", "sla"], "seed": [1, 2] }]
            }
            """);
        var lines = await RunAndReport(study, runs: 4);
        Assert.All(lines, line => Assert.Equal([(3, 1, 5), (2, 5, 5)], line["sizes"]!.AsArray().Select(size => ((int)size!["ways"]!, (int)size["shots"]!, size["single"]!.AsArray().Count))));
        Assert.Contains("| SLA, aggregated |", File.ReadAllText(InFolder("episodes.md")), StringComparison.Ordinal);
        Assert.Contains("3-way 1-shot: SLA, aggregated", File.ReadAllText(InFolder("episodes.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_time_gives_is_measured_on_test_images()
    {
        string study = Write("time.json", """
            {
              "kind": "search", "title": "Time",
              "runs": [{ "what": ["search:held-out", "defaults:held-out", "hflip"], "data": "fashion", "testImagesPerClass": 3, "seconds": 2, "threads": 1, "seed": 1 }]
            }
            """);
        var lines = await RunAndReport(study, runs: 3);
        Assert.All(lines, line => Assert.Equal(30, (int)line["testImages"]!));
        Assert.Equal("hflip", (string)lines.Single(line => (string)line["run"]!["what"]! == "hflip")["transformations"]!);
        Assert.Contains("| 2 s, 1 thread | fashion | 1 | 4/5 | 30 |", File.ReadAllText(InFolder("time.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tables_and_figures_that_are_published_are_those_of_the_published_lines()
    {
        // Without Chromium in the path no pictures are made of the figures: these are not compared, and take a minute.
        var run = await ProgramRun.RunInAsync("Studies", [("PATH", null)], "report", "all", "--results", ProgramRun.PathOf("Results"), "--pages", Folder);
        Assert.True(run.Code == 0, run.Error);

        string published = ProgramRun.PathOf("StudyPages");
        Assert.Equal(NamesOf(published), NamesOf(Folder));
        Assert.All(NamesOf(published), name => Assert.Equal(File.ReadAllText(Path.Combine(published, name)), File.ReadAllText(InFolder(name))));

        static IEnumerable<string> NamesOf(string folder) =>
            Directory.GetFiles(folder).Where(file => !file.EndsWith(".png", StringComparison.Ordinal)).Select(file => Path.GetFileName(file)).Order();
    }

    [Fact]
    public void Every_row_of_pages_of_results_is_one_that_a_study_made()
    {
        string evidence = Path.GetFullPath(Path.Combine(ProgramRun.PathOf("StudyPages"), ".."));
        var made = Directory.GetFiles(ProgramRun.PathOf("StudyPages"), "*.md").SelectMany(File.ReadLines).ToHashSet();
        Assert.All(new[] { "claims.md", "few-shot.md", "search.md", "uneven-classes.md" }.SelectMany(page => File.ReadLines(Path.Combine(evidence, page))).Where(line => line.StartsWith('|')), row => Assert.Contains(row, made));
        Assert.All(Directory.GetFiles(Path.Combine(evidence, ".."), "*.md", SearchOption.AllDirectories), page => Assert.DoesNotContain("{{", File.ReadAllText(page), StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_cannot_be_run_is_named()
    {
        var unknown = await ProgramRun.RunAsync("Studies", "run", "nothing");
        Assert.Equal(1, unknown.Code);
        Assert.Contains("no study 'nothing'", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("limited-data", unknown.Error, StringComparison.Ordinal);

        string study = Write("wrong.json", $$"""{ "title": "Wrong", "imagesPerClass": [4], "seeds": [1], {{Settings.Replace("\"against\": \"baseline\"", "\"against\": \"basline\"", StringComparison.Ordinal)}} }""");
        Assert.Contains("'basline', which is not there", (await ProgramRun.RunAsync("Studies", "run", study)).Error, StringComparison.Ordinal);

        study = Write("torn.json", $$"""{ "title": "Torn", "imagesPerClass": [4], "seeds": [1], {{Settings}} }""");
        File.WriteAllText(InFolder("torn.jsonl"), "{\"run\":{\"da");
        Assert.Contains("line 1 is no run", (await ProgramRun.RunAsync("Studies", "run", study, "--results", Folder)).Error, StringComparison.Ordinal);
    }

    /// <summary>Does the runs of a study, all of which succeed, makes its page, and sees that nothing is left to do.</summary>
    private async Task<JsonNode[]> RunAndReport(string study, int runs)
    {
        string[] options =
            [study, "--cifar", FashionImages.Folder, "--quickstart", Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist.zip"), "--results", Folder, "--pages", Folder, "--artifacts", InFolder("artifacts")];
        foreach (string verb in new[] { "run", "report" })
        {
            var run = await ProgramRun.RunAsync("Studies", [verb, .. options]);
            Assert.True(run.Code == 0, run.Output + run.Error);
        }

        Assert.Contains($"{runs} runs, 0 of them to do", (await ProgramRun.RunAsync("Studies", ["run", .. options])).Output, StringComparison.Ordinal);
        return [.. File.ReadLines(Path.ChangeExtension(study, ".jsonl")).Select(line => JsonNode.Parse(line)!)];
    }

    private static string Line(string objective, string transformations, int views, int members, int seed, string inference, double accuracy, double seconds) => JsonSerializer.Serialize(new
    {
        run = new
        {
            data = "cifar10",
            imagesPerClass = 4,
            objective,
            transformations,
            viewsPerStep = views,
            architecture = "conv-net-8",
            augment = "crop",
            epochs = 1,
            batchSize = 10,
            learningRate = 0.1,
            weightDecay = 5e-4,
            members,
            seed,
        },
        program = "Microsoft.ML.Sla 0.1.0",
        seconds,
        processorSeconds = seconds,
        trainingLoss = 1.0,
        inferences = new Dictionary<string, object> { [inference] = new { accuracy, logLoss = 1.5, scoringMilliseconds = 0.5 } },
    });

    private string Write(string file, string text)
    {
        File.WriteAllText(InFolder(file), text);
        return InFolder(file);
    }
}
