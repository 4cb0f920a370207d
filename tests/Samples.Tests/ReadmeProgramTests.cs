using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The first steps of a reader of the README, with the packages: a new project, the program pasted, and its model in a program without the library.</summary>
[Collection(CliGroup.Name)]
public sealed class ReadmeProgramTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    [Fact]
    public async Task The_program_of_the_readme_trains_with_the_packages_and_its_model_scores_elsewhere()
    {
        string project = copies.NewFolderOfPhotos("my-photos");
        await DoneAsync("new", "console", "--no-restore");
        await DoneAsync("add", "package", "Microsoft.ML.Sla.Trainers", "--version", CopiedSamples.Version, "--no-restore");
        foreach (string package in new[] { "TorchSharp-cpu", "Microsoft.ML.DnnImageFeaturizer.ResNet18" })
            await DoneAsync("add", "package", package, "--version", PackageTests.Versions()[package], "--no-restore");

        File.WriteAllText(Path.Combine(project, "Program.cs"), Page.FirstBlock("README.md", "csharp"));
        string output = Path.Combine(project, "output");
        await DoneAsync("build", "-warnaserror", "-o", output, "-p:NuGetAudit=false", "-p:CreateSymbolicLinksForCopyLocalIfPossible=true");
        await CopiedSamples.AssertTrainedAsync(project, await ProgramRun.RunFileAsync(Path.Combine(output, "my-photos"), project));

        async Task DoneAsync(params string[] command)
        {
            var done = await ProgramRun.RunSdkAsync(project, command);
            Assert.True(done.Code == 0, done.Output + done.Error);
        }
    }
}
