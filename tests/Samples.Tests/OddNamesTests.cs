using System.Diagnostics;
using System.Text.Json.Nodes;
using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Names of files, classes and models are data: they do nothing on a terminal, in a shell, in a report or to the command line.</summary>
[Collection(CliGroup.Name)]
public sealed class OddNamesTests(TrainedByCli trained) : FolderTest
{
    private static readonly string[] Classes = ["\u0001 control & 日本", "\u001b[31mtab\tline\n\"q\" 'q' [red]x\u202e", "<script>alert(1)<|script>"];

    [Fact]
    public async Task Names_do_nothing_on_a_terminal_and_are_whole_in_JSON_and_in_a_report()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such names.");
        string images = InFolder("<b>images & more");
        foreach (var (name, label) in Classes.Zip(["ankle-boot", "bag", "coat"]))
        {
            string folder = Directory.CreateDirectory(Path.Combine(images, name)).FullName;
            foreach (var image in FashionImages.Train(classes: 3, perClass: 12).Where(image => image.Label == label))
                File.Copy(image.ImagePath, Path.Combine(folder, Path.GetFileName(image.ImagePath)));
        }

        string model = InFolder("m\u001b[1m.zip"), report = InFolder("r.html");
        var training = await SlaCommand.DoneAsync(SlaCommand.Train(images, model, epochs: 1, "--validation-fraction", "0.5", "--report", report));
        var evaluation = await SlaCommand.DoneAsync("evaluate", "--model", model, "--images", images);
        string first = Directory.GetFiles(Path.Combine(images, Classes[1]))[0];
        var prediction = await SlaCommand.DoneAsync("predict", "--model", model, first);
        var inspection = await SlaCommand.DoneAsync("inspect", "--model", model);
        var error = await SlaCommand.RunAsync("inspect", "--model", InFolder("\u001b[2Jno.zip"));
        string wrong = (await SlaCommand.RunAsync("pre\u001bdict")).Error;
        foreach (string text in new[] { training, evaluation, prediction, inspection, error }.SelectMany(run => new[] { run.Output, run.Error }).Append(wrong))
            Assert.DoesNotContain(text, character => VisibleText.IsHidden(character) && character != '\n');
        foreach (string text in new[] { prediction.Output, training.Error })
            Assert.Contains(@"\u001B[31mtab\tline\n""q"" 'q' [red]x\u202E", text, StringComparison.Ordinal);
        Assert.Contains(@"\u001B[31mtab", evaluation.Output, StringComparison.Ordinal);
        Assert.Contains(@"\u001B[2Jno.zip", error.Error, StringComparison.Ordinal);

        string json = (await SlaCommand.DoneAsync("inspect", "--model", model, "--json")).Output;
        Assert.DoesNotContain(json, character => char.IsControl(character) && character != '\n');
        Assert.Equal(Classes, JsonNode.Parse(json)!["classes"]!.AsArray().Select(name => (string)name!));

        string page = await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken);
        Assert.Contains("&lt;script&gt;alert(1)", page, StringComparison.Ordinal);
        Assert.Contains("\uFFFD control &amp; 日本", page, StringComparison.Ordinal);
        Assert.Contains("\uFFFD[31mtab\tline\n\"q\" 'q' [red]x", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_begins_with_an_at_sign_is_a_file()
    {
        File.Copy(Directory.GetFiles(Path.Combine(trained.TestImages, "bag"))[0], InFolder("@a.png"));
        var run = await ProgramRun.RunInFolderAsync("Cli", Folder, "predict", "--model", trained.Model, "@a.png");
        Assert.True(run.Code == 0, run.Error);
        Assert.StartsWith("@a.png: ", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain-1.zip", "plain-1.zip")]
    [InlineData("a b", "'a b'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("$HOME `x` \\ \"q\" * ~", null)]
    [InlineData("", "''")]
    [InlineData("\u001b[31m\n'\\é\u202e日", @"$'\033[31m\012\'\\é\342\200\256日'")]
    public async Task A_word_of_a_printed_command_is_read_by_a_shell_as_it_is(string word, string? quoted)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such shell.");
        if (quoted is not null)
            Assert.Equal(quoted, ShellCommand.Quoted(word));
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", ShellCommand.Of("printf", "%s", word)]) { RedirectStandardOutput = true })!;
        Assert.Equal(word, await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }
}
