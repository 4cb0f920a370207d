using System.Reflection;
using System.Security.Cryptography;
using System.Xml.Linq;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A folder outside of the repository, for copies of samples, with the libraries as packages.</summary>
public sealed class CopiedSamples : IAsyncLifetime
{
    private static readonly string[] Libraries = ["Microsoft.ML.Sla.Transforms", "Microsoft.ML.Sla.Trainers", "Microsoft.ML.Sla.DependencyInjection"];

    /// <summary>Packed once, for all tests.</summary>
    private static readonly Lazy<Task> Packed = new(PackAsync);

    private readonly string _folder = Directory.CreateTempSubdirectory("sla-copied-samples-").FullName;

    /// <summary>The version of the packages: the release that samples ask for, whatever tags git has.</summary>
    internal static string Version { get; } = $"{Property("MinVerMinimumMajorMinor")}.0";

    /// <summary>Where the packages are.</summary>
    internal static string Feed => Path.Combine(AppContext.BaseDirectory, "feed");

    /// <summary>Where the packages are unpacked, for a script of F#: it restores them in a folder of its own, where the file nuget.config does not count.</summary>
    internal static IEnumerable<(string Variable, string Value)> NuGetVariables => [("NUGET_PACKAGES", Unpacked), ("NUGET_FALLBACK_PACKAGES", ProgramRun.PathOf("Packages"))];

    /// <summary>What the libraries were built as, such as Release.</summary>
    internal static string Configuration => typeof(CopiedSamples).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>
    /// Where packages are unpacked that this machine does not have: not among those of the machine, where other builds would find
    /// the libraries. It is kept, so that only the first run loads any.
    /// </summary>
    private static string Unpacked => Path.Combine(AppContext.BaseDirectory, "packages");

    public async ValueTask InitializeAsync()
    {
        await Packed.Value;
        File.WriteAllText(
            Path.Combine(_folder, "nuget.config"),
            $"""
            <configuration>
              <packageSources><add key="packed" value="{Feed}" /></packageSources>
              <config><add key="globalPackagesFolder" value="{Unpacked}" /></config>
              <fallbackPackageFolders><add key="machine" value="{ProgramRun.PathOf("Packages")}" /></fallbackPackageFolders>
            </configuration>
            """);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Where a library's package is unpacked.</summary>
    internal static string Unpacking(string library) => Path.Combine(Unpacked, library.ToLowerInvariant());

    /// <summary>Makes a folder.</summary>
    internal string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    /// <summary>Makes the folder of a project.</summary>
    internal string NewProject(string name, string extension, string project)
    {
        string folder = NewFolder(name);
        File.WriteAllText(Path.Combine(folder, $"{name}.{extension}"), project);
        return folder;
    }

    /// <summary>Builds a program that trains, with the package of the trainers and others.</summary>
    /// <returns>The executable file.</returns>
    internal async Task<string> BuildAsync(string name, string program, (string Id, string Version)[] packages, params string[] options)
    {
        string project = NewProject(name, "csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Microsoft.ML.Sla.Trainers" Version="{Version}" />
                <PackageReference Include="TorchSharp-cpu" Version="{PackageTests.Versions()["TorchSharp-cpu"]}" />
                {string.Concat(packages.Select(package => $"<PackageReference Include=\"{package.Id}\" Version=\"{package.Version}\" />"))}
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), program);
        string output = Path.Combine(project, "output");
        var built = await ProgramRun.RunSdkAsync(project, ["build", "-o", output, "-p:NuGetAudit=false", .. options]);
        Assert.True(built.Code == 0, built.Output);
        return Path.Combine(output, name);
    }

    /// <summary>Makes a folder with the photos that the program of the README trains on, and the one that it predicts.</summary>
    internal string NewFolderOfPhotos(string name)
    {
        string folder = NewFolder(name);
        FashionImages.WritePhotos(Path.Combine(folder, "photos"), FashionImages.Train(classes: 2, perClass: 10));
        FashionImages.CopyAsJpeg(FashionImages.Test(classes: 2, perClass: 1)[0].ImagePath, Path.Combine(folder, "new.jpg"));
        return folder;
    }

    /// <summary>Asserts that a program trained on the photos of its folder, and that a program without the library predicts the same.</summary>
    internal static async Task AssertTrainedAsync(string folder, ProgramRun run)
    {
        Assert.True(run.Code == 0, run.Output + run.Error);
        Assert.StartsWith("accuracy ", run.Output, StringComparison.Ordinal);

        var scored = await ProgramRun.RunAsync("ScoreOnly", Path.Combine(folder, "model.zip"), Path.Combine(folder, "new.jpg"));
        Assert.True(scored.Code == 0, scored.Error);
        Assert.Equal(run.Output.Trim().Split('\n')[1].Split(':')[0], scored.Output.Split('\t')[1]);
    }

    /// <summary>Copies the folder of a sample.</summary>
    internal string Copy(string sample)
    {
        string target = Path.Combine(_folder, sample);
        CopyFolder(Path.Combine(ProgramRun.PathOf("Repository"), "samples", sample), target);
        return target;
    }

    /// <summary>Copies the sources of the libraries, with the files beside them that they are built and packed with.</summary>
    internal string CopySources(string name)
    {
        string repository = ProgramRun.PathOf("Repository"), target = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        CopyFolder(Path.Combine(repository, "src"), Path.Combine(target, "src"));
        foreach (string file in Directory.GetFiles(repository, "Directory.*").Concat(new[] { ".editorconfig", "CHANGELOG.md", "global.json" }.Select(file => Path.Combine(repository, file))))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        return target;
    }

    /// <summary>A property of Directory.Build.props.</summary>
    private static string Property(string name) =>
        XDocument.Load(Path.Combine(ProgramRun.PathOf("Repository"), "Directory.Build.props")).Descendants(name).Single().Value;

    private static async Task PackAsync()
    {
        if (Directory.Exists(Feed))
            Directory.Delete(Feed, recursive: true);
        foreach (string library in Libraries)
        {
            string earlier = Unpacking(library);
            if (Directory.Exists(earlier))
                Directory.Delete(earlier, recursive: true);
            string source = Path.Combine(ProgramRun.PathOf("Repository"), "src", library.Split('.')[^1]);
            var packed = await ProgramRun.RunSdkAsync(source, "pack", "--no-build", "-warnaserror", "-c", Configuration, "-o", Feed, $"-p:MinVerVersionOverride={Version}");
            Assert.True(packed.Code == 0, packed.Output);
        }
    }

    /// <summary>Copies a folder without what was built in it.</summary>
    private static void CopyFolder(string source, string target)
    {
        foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(source, file);
            if (path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts"))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, path))!);
            File.Copy(file, Path.Combine(target, path));
        }
    }
}

/// <summary>Samples are there to be copied out of this repository.</summary>
[Collection(CliGroup.Name)]
public sealed class CopiedSamplesTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    private static string Samples => Path.Combine(ProgramRun.PathOf("Repository"), "samples");

    private static string[] Projects => Directory.GetFiles(Samples, "*.csproj", SearchOption.AllDirectories);

    [Theory]
    [InlineData("AnyTrainer", "Microsoft.ML.Sla.Transforms")]
    [InlineData("QuickStart", "Microsoft.ML.Sla.Trainers")]
    [InlineData("Cli", "Microsoft.ML.Sla.Trainers")]
    [InlineData("WebApp", "Microsoft.ML.Sla.DependencyInjection")]
    public async Task A_copied_sample_builds_with_the_packages_of_the_libraries(string sample, string library)
    {
        // The libraries of the packages stay where they are.
        var built = await ProgramRun.RunSdkAsync(copies.Copy(sample), "build", "-warnaserror", "-p:CopyLocalLockFileAssemblies=false", "-p:NuGetAudit=false");
        Assert.True(built.Code == 0, built.Output);
        Assert.True(Directory.Exists(CopiedSamples.Unpacking(library)), "The library is not that of the package that was packed.");
    }

    [Fact]
    public async Task A_project_elsewhere_that_references_the_sources_builds_without_warnings()
    {
        string library = Path.Combine(ProgramRun.PathOf("Repository"), "src", "Trainers", "Microsoft.ML.Sla.Trainers.csproj");
        string project = copies.NewProject("elsewhere", "csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><ProjectReference Include="{library}" /></ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), "System.Console.WriteLine(typeof(Microsoft.ML.Sla.SlaTrainer));");
        var built = await ProgramRun.RunSdkAsync(
            project, "build", "-warnaserror", "-c", CopiedSamples.Configuration, "-p:BuildProjectReferences=false", "-p:CopyLocalLockFileAssemblies=false", "-p:NuGetAudit=false");
        Assert.True(built.Code == 0, built.Output);
    }

    [Fact]
    public void A_sample_asks_for_the_versions_that_it_is_built_with_here()
    {
        var versions = Elements(Path.Combine(Samples, "..", "Directory.Packages.props"), "PackageVersion").ToDictionary(Id, Version);
        string own = $"{CopiedSamples.Version}-*";
        Assert.All(Projects.SelectMany(project => Elements(project, "PackageReference")), package =>
            Assert.Equal(Id(package).StartsWith("Microsoft.ML.Sla.", StringComparison.Ordinal) ? own : versions[Id(package)], Version(package)));

        static IEnumerable<XElement> Elements(string file, string name) => XDocument.Load(file).Descendants(name);
        static string Id(XElement package) => (string)package.Attribute("Include")!;
        static string? Version(XElement package) => (string?)package.Attribute("Version");
    }

    [Fact]
    public void A_sample_has_all_its_files_in_its_folder()
    {
        Assert.Equal(8, Projects.Length);
        Assert.All(Projects, project => Assert.DoesNotContain("..", File.ReadAllText(project), StringComparison.Ordinal));
    }

    [Fact]
    public void Samples_carry_the_same_images()
    {
        string[] images = [.. Projects.Select(project => Path.Combine(Path.GetDirectoryName(project)!, "Data", "fashion-mnist.zip")).Where(File.Exists)];
        Assert.Equal(6, images.Length);
        Assert.Single(images.Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))).Distinct());
    }
}
