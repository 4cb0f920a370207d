using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What the guide of scripts and F# says, with the packages.</summary>
[Collection(CliGroup.Name)]
public sealed class ScriptTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    private const string Guide = "docs/guides/scripts.md";

    private static string Script => Page.FirstBlock(Guide, "fsharp");

    [Fact]
    public async Task The_script_trains_a_model_that_scores_elsewhere()
    {
        string folder = copies.NewFolderOfPhotos("script");
        File.WriteAllText(Path.Combine(folder, "train.fsx"), Script);
        await AssertTrainsAsync(folder, "fsi", "train.fsx");
    }

    [Fact]
    public async Task The_program_of_the_readme_trains_as_a_program_of_one_file()
    {
        string folder = copies.NewFolderOfPhotos("one-file");
        File.WriteAllText(Path.Combine(folder, "train.cs"), Page.FirstBlock(Guide, "") + Page.FirstBlock("README.md", "csharp"));
        await AssertTrainsAsync(
            folder, "run", "--disable-build-servers", "--artifacts-path", Path.Combine(folder, "output"), "-p:CreateSymbolicLinksForCopyLocalIfPossible=true", "-p:NuGetAudit=false", "train.cs");
    }

    [Fact]
    public async Task The_script_without_its_references_is_a_project()
    {
        string project = copies.NewProject("project", "fsproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup>
                <Compile Include="Program.fs" />
                <PackageReference Include="Microsoft.ML.Sla.Trainers" Version="{CopiedSamples.Version}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllLines(Path.Combine(project, "Program.fs"), Script.Split('\n').Where(line => !line.StartsWith("#r", StringComparison.Ordinal)));
        var built = await ProgramRun.RunSdkAsync(project, "build", "-warnaserror", "-p:CopyLocalLockFileAssemblies=false", "-p:NuGetAudit=false");
        Assert.True(built.Code == 0, built.Output);
    }

    private static async Task AssertTrainsAsync(string folder, params string[] command) =>
        await CopiedSamples.AssertTrainedAsync(folder, await ProgramRun.RunSdkInAsync(folder, CopiedSamples.NuGetVariables, command));
}
