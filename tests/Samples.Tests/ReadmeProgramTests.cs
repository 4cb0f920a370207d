using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The first steps of a reader of the README, with the packages: a new project, the program pasted, and its model in a program without the library.</summary>
[Collection(CliGroup.Name)]
public sealed class ReadmeProgramTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    [Fact]
    public async Task The_program_of_the_readme_trains_with_the_packages_and_its_model_scores_elsewhere()
    {
        string project = copies.NewFolder("my-photos");
        await DoneAsync("new", "console", "--no-restore");
        await DoneAsync("add", "package", "Microsoft.ML.Sla.Trainers", "--version", CopiedSamples.Version, "--no-restore");
        foreach (string package in new[] { "TorchSharp-cpu", "Microsoft.ML.DnnImageFeaturizer.ResNet18" })
            await DoneAsync("add", "package", package, "--version", PackageTests.Versions()[package], "--no-restore");

        File.WriteAllText(Path.Combine(project, "Program.cs"), Page.FirstBlock("README.md", "csharp"));
        string output = Path.Combine(project, "output");
        await DoneAsync("build", "-warnaserror", "-o", output, "-p:NuGetAudit=false", "-p:CreateSymbolicLinksForCopyLocalIfPossible=true");
        FashionImages.WritePhotos(Path.Combine(project, "photos"), FashionImages.Train(classes: 2, perClass: 10));
        string photo = Path.Combine(project, "new.jpg");
        FashionImages.CopyAsJpeg(FashionImages.Test(classes: 2, perClass: 1)[0].ImagePath, photo);

        var run = await ProgramRun.RunFileAsync(Path.Combine(output, "my-photos"), project);
        Assert.True(run.Code == 0, run.Error);
        string[] lines = run.Output.Trim().Split('\n');
        Assert.StartsWith("accuracy ", lines[0], StringComparison.Ordinal);

        var scored = await ProgramRun.RunAsync("ScoreOnly", Path.Combine(project, "model.zip"), photo);
        Assert.True(scored.Code == 0, scored.Error);
        Assert.Equal(lines[1].Split(':')[0], scored.Output.Split('\t')[1]);

        async Task DoneAsync(params string[] command)
        {
            var done = await ProgramRun.RunSdkAsync(project, command);
            Assert.True(done.Code == 0, done.Output + done.Error);
        }
    }
}
