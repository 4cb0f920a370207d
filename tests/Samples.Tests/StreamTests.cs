using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Standard streams that are closed, or have no room.</summary>
[Collection(CliGroup.Name)]
public sealed class StreamTests(TrainedByCli trained) : FolderTest
{
    [Theory]
    [InlineData("2> /dev/full")]
    [InlineData("2>&-")]
    [InlineData("2> >(true)")]
    public async Task A_training_whose_progress_cannot_be_shown_goes_on(string redirection)
    {
        var run = await RunAsync(redirection);
        Assert.Equal(0, run.Code);
        Assert.Contains("3 classes", run.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(InFolder("m.zip")));
    }

    [Theory]
    [InlineData("> /dev/full")]
    [InlineData(">&-")]
    public async Task A_result_that_cannot_be_written_is_an_error_and_the_model_is_there(string redirection)
    {
        var run = await RunAsync(redirection);
        Assert.Equal(2, run.Code);
        Assert.Contains("sla: The result cannot be written to the standard output: ", run.Error, StringComparison.Ordinal);
        Assert.Equal([InFolder("m.zip")], Directory.GetFileSystemEntries(Folder));
    }

    private async Task<ProgramRun> RunAsync(string redirection)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux has a device that is always full.");
        string command = ShellCommand.Of(["dotnet", ProgramRun.PathOf("Cli"), .. SlaCommand.Train(trained.Images, InFolder("m.zip"), epochs: 1)]);
        return await ProgramRun.RunShellAsync($"{command} {redirection}");
    }
}
