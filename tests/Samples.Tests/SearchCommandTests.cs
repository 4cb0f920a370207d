using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

[Collection(CliGroup.Name)]
public sealed class SearchCommandTests(TrainedByCli trained) : FolderTest
{
    private string Model => InFolder("m.zip");

    [Fact]
    public async Task A_search_writes_the_best_model_and_a_report_that_compares_the_trials()
    {
        string report = InFolder("r.html");
        var run = await SlaCommand.DoneAsync(Search("--max-seconds", "15", "--max-trials", "4", "--report", report, "--json"));
        var found = JsonNode.Parse(run.Output)!;
        Assert.True((bool)found["isComplete"]!);
        Assert.Equal("CIFAR ResNet-8", (string)found["architecture"]!);
        Assert.Equal("0.05", (string)found["configuration"]!["LearningRate"]!);
        Assert.InRange((double)found["seconds"]!, 1, 18);
        var trials = found["trials"]!.AsArray();
        Assert.All(trials, trial => Assert.Contains($"trial {trial!["number"]} (", run.Error, StringComparison.Ordinal));
        Assert.False(Directory.Exists(Model + ".search"));

        // The accuracy is the one of the model that was written, on the images that were kept from training.
        string page = await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken);
        Assert.Contains("<h2>The search</h2>", page, StringComparison.Ordinal);
        Assert.Contains("Accuracy of the trials", page, StringComparison.Ordinal);
        foreach (var trial in trials)
            Assert.Contains($"<tr><td>{trial!["number"]} {trial["name"]}", page, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"<dt>accuracy</dt><dd>{(double)found["accuracy"]!:P1}</dd>"), page, StringComparison.Ordinal);
        await SlaCommand.DoneAsync("evaluate", "--model", Model, "--images", trained.TestImages);
    }

    [Fact]
    public async Task A_search_that_is_stopped_keeps_the_best_so_far_and_goes_on()
    {
        string[] search = Search("--max-seconds", "25", "--max-trials", "4");
        var stopped = await ProgramRun.RunUntilAsync("Cli", "epoch 1/", ProgramRun.InterruptSignal(), [.. search, "--verbose"]);
        Assert.Equal(130, stopped.Code);
        Assert.Contains("--resume", stopped.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Model));
        Assert.True(File.Exists(Path.Combine(Model + ".search", "search.json")));

        await SlaCommand.RefusedAsync("Add --resume", search);
        Assert.True((bool)(await SlaCommand.JsonAsync([.. search, "--resume"]))["isComplete"]!);
        Assert.False(Directory.Exists(Model + ".search"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Images_that_trials_are_compared_on_are_learned_in_the_end_unless_held_out(bool isHeldOut)
    {
        // On a busy machine a shorter time has room for one trial, which is compared with none and learns all images from the beginning.
        var best = await SlaCommand.JsonAsync([.. Search("--max-seconds", "24", "--max-trials", "2"), .. isHeldOut ? new[] { "--hold-out" } : []]);
        using var model = SlaTransformer.Load(new MLContext(), Model);
        Assert.Equal(isHeldOut, model.TrainingHistory.ValidationImages > 0);
        var (measured, steps) = ((long)best["measuredAfterSteps"]!, (long)best["steps"]!);
        Assert.True(isHeldOut ? measured > steps / 2 : measured < steps);
    }

    [Theory]
    [InlineData("There is no dimension 'Speed'", "--fix", "Speed=high")]
    [InlineData("such as --fix Transformations=rotation", "--fix", "rotation")]
    [InlineData("It has none, rotation2", "--fix", "Transformations=jigsaw")]
    [InlineData("need 3 channels", "--fix", "Transformations=color")]
    [InlineData("Give one of --validation", "--folds", "3", "--validation-fraction", "0.1")]
    [InlineData("Leave out --hold-out", "--folds", "3", "--hold-out")]
    [InlineData("There is no search in", "--resume")]
    public async Task Bad_input_of_a_search_ends_with_1_and_one_line_that_says_what_to_do(string message, params string[] arguments)
    {
        await SlaCommand.RefusedAsync(message, ["search", "--images", trained.Images, "--model", Model, .. arguments]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    private string[] Search(params string[] others) =>
    [
        "search", "--images", trained.Images, "--model", Model, "--threads", "1", "--batch-size", "16",
        "--fix", "Architecture=cifar-resnet-8", "--fix", "LearningRate=0.05", .. others,
    ];
}
