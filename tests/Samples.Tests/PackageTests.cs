using System.Buffers.Binary;
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The libraries as packages: what they say, what they hold, and what a program elsewhere has of them.</summary>
[Collection(CliGroup.Name)]
public sealed class PackageTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    private const string Transforms = "Microsoft.ML.Sla.Transforms";
    private const string Trainers = "Microsoft.ML.Sla.Trainers";
    private const string DependencyInjection = "Microsoft.ML.Sla.DependencyInjection";
    private const int IconSide = 128;

    /// <summary>What a Git-less build makes of MinVerMinimumMajorMinor.</summary>
    private static readonly string VersionWithoutGit = $"{CopiedSamples.Version}-alpha.0";

    private static readonly string[] Frameworks = ["net10.0", "net8.0"];

    private static readonly string[] OfTransforms =
    [
        "Google.Protobuf", "Microsoft.ML", "Microsoft.ML.ImageAnalytics", "Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxTransformer",
        "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies", "System.Numerics.Tensors",
    ];

    private static readonly string[] OfTrainers = ["SharpZipLib", "System.IO.Hashing", "TorchSharp"];

    private static readonly string[] OfDependencyInjection =
    [
        "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Diagnostics.HealthChecks", "Microsoft.Extensions.Hosting.Abstractions",
        "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.Options",
    ];

    [Theory]
    [InlineData(Transforms)]
    [InlineData(Trainers)]
    [InlineData(DependencyInjection)]
    public void A_package_says_what_it_is(string library)
    {
        using var package = Open(library, "nupkg");
        var facts = Facts(package, library);
        Assert.Equal(library, Value("id"));
        Assert.Equal(CopiedSamples.Version, Value("version"));
        Assert.Equal("MIT", Value("license"));
        Assert.Equal("expression", (string?)facts["license"].Attribute("type"));
        Assert.All(["title", "authors", "description", "copyright", "tags"], name => Assert.NotEmpty(Value(name)));
        Assert.NotEqual(Value("id"), Value("title"));
        Assert.Contains("ML.NET", Value("tags").Split(' '));
        Assert.Contains("CHANGELOG.md", Value("releaseNotes"), StringComparison.Ordinal);
        Assert.StartsWith("# Changelog", Text(package, "CHANGELOG.md"), StringComparison.Ordinal);
        Assert.StartsWith($"# {library}\n", Text(package, Value("readme")), StringComparison.Ordinal);

        // The header of a PNG has width and height.
        byte[] icon = Bytes(package, Value("icon"));
        Assert.Equal("PNG"u8, icon.AsSpan(1, 3));
        Assert.Equal([IconSide, IconSide], new[] { 16, 20 }.Select(offset => BinaryPrimitives.ReadInt32BigEndian(icon.AsSpan(offset))));

        // Where the repository is is said by who publishes.
        Assert.DoesNotContain("projectUrl", facts.Keys);
        Assert.Null(facts.GetValueOrDefault("repository")?.Attribute("url"));

        string Value(string name) => facts[name].Value;
    }

    [Theory]
    [InlineData(Transforms)]
    [InlineData(Trainers)]
    [InlineData(DependencyInjection)]
    public void A_package_asks_for_what_its_library_is_built_with(string library)
    {
        using var package = Open(library, "nupkg");
        var versions = Versions();
        versions[Transforms] = versions[Trainers] = $"[{CopiedSamples.Version}]";
        var groups = Facts(package, library)["dependencies"].Elements().ToDictionary(group => (string)group.Attribute("targetFramework")!, group => group.Elements().ToList());
        Assert.Equal(Frameworks, groups.Keys.Order(StringComparer.Ordinal));
        Assert.All(groups, group =>
        {
            string[] ofTrainers = [.. OfTrainers, .. group.Key == "net8.0" ? ["System.Text.Json"] : Array.Empty<string>()];
            string[] own = library switch
            {
                Transforms => [],
                Trainers => [Transforms, .. ofTrainers],
                _ => [Trainers, .. ofTrainers, .. OfDependencyInjection],
            };
            Assert.Equal(OfTransforms.Concat(own).Order(StringComparer.Ordinal), group.Value.Select(Id).Order(StringComparer.Ordinal));
            Assert.All(group.Value, dependency => Assert.Equal(versions[Id(dependency)], (string?)dependency.Attribute("version")));
            Assert.All(group.Value, dependency => Assert.DoesNotContain("*", (string)dependency.Attribute("version")!, StringComparison.Ordinal));
        });

        static string Id(XElement dependency) => (string)dependency.Attribute("id")!;
    }

    [Theory]
    [InlineData(Transforms)]
    [InlineData(Trainers)]
    [InlineData(DependencyInjection)]
    public void A_package_has_the_library_its_documentation_and_its_symbols(string library)
    {
        using ZipArchive package = Open(library, "nupkg"), symbols = Open(library, "snupkg");
        Assert.Equal(
            Frameworks.SelectMany(framework => new[] { $"lib/{framework}/{library}.dll", $"lib/{framework}/{library}.xml" }),
            package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(Frameworks, framework =>
        {
            Assert.Contains("<summary>", Text(package, $"lib/{framework}/{library}.xml"), StringComparison.Ordinal);
            Assert.Equal(IdOfSymbols(Bytes(package, $"lib/{framework}/{library}.dll")), Id(Bytes(symbols, $"lib/{framework}/{library}.pdb")));
        });

        static Guid IdOfSymbols(byte[] library)
        {
            using var reader = new PEReader(new MemoryStream(library));
            return reader.ReadCodeViewDebugDirectoryData(reader.ReadDebugDirectory().Single(entry => entry.Type == DebugDirectoryEntryType.CodeView)).Guid;
        }

        static Guid Id(byte[] symbols)
        {
            using var provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(symbols));
            return new BlobContentId(provider.GetMetadataReader().DebugMetadataHeader!.Id).Guid;
        }
    }

    /// <summary>The runtime of .NET 8 is a package: the program has it in its own folder.</summary>
    [Theory]
    [InlineData("net10.0", 10, "")]
    [InlineData("net8.0", 8, "<UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier><SelfContained>true</SelfContained>")]
    public async Task A_program_elsewhere_uses_every_member_of_the_packages(string framework, int major, string runtime)
    {
        string project = copies.NewProject($"consumer-{framework}", "csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>{framework}</TargetFramework>
                <LangVersion>latest</LangVersion>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <AssemblyName>consumer</AssemblyName>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
                {runtime}
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{DependencyInjection}" Version="{CopiedSamples.Version}" />
                <PackageReference Include="TorchSharp-cpu" Version="{Versions()["TorchSharp-cpu"]}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), PackageProgram.Code);
        string output = Path.Combine(project, "output");
        var built = await ProgramRun.RunSdkAsync(project, "build", "-warnaserror", "-o", output, "-p:NuGetAudit=false");
        Assert.True(built.Code == 0, built.Output);
        Assert.All([Transforms, Trainers, DependencyInjection], library => Assert.True(Directory.Exists(CopiedSamples.Unpacking(library)), "The library is not that of the package that was packed."));

        var run = await ProgramRun.RunFileAsync(Path.Combine(output, "consumer"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal($"{major} {PublicTypes(typeof(TransformationSet))} {PublicTypes(typeof(SlaTrainer))} {PublicTypes(typeof(SlaPredictorService))}", run.Output.Trim());

        static int PublicTypes(Type ofLibrary) => ofLibrary.Assembly.GetExportedTypes().Length;
    }

    [Fact]
    public async Task A_build_has_the_native_libraries_of_its_system_and_by_a_property_those_of_all()
    {
        string project = copies.NewProject("natives", "csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{Trainers}" Version="{CopiedSamples.Version}" />
                <PackageReference Include="TorchSharp-cpu" Version="{Versions()["TorchSharp-cpu"]}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), "return;");
        Assert.All(await SystemsAsync("own"), system => Assert.StartsWith(system, RuntimeInformation.RuntimeIdentifier, StringComparison.Ordinal));
        string[] all = await SystemsAsync("all", "-p:SlaNativeLibrariesOfAllSystems=true");
        Assert.All(["linux-x64", "win-x64", "osx-arm64"], system => Assert.Contains(system, all));

        async Task<string[]> SystemsAsync(string name, params string[] properties)
        {
            string output = Path.Combine(project, name);
            var built = await ProgramRun.RunSdkAsync(
                project, ["build", "-warnaserror", "-o", output, "-p:NuGetAudit=false", "-p:CreateSymbolicLinksForCopyLocalIfPossible=true", .. properties]);
            Assert.True(built.Code == 0, built.Output);
            string[] systems = [.. Directory.GetDirectories(Path.Combine(output, "runtimes")).Select(folder => Path.GetFileName(folder))];
            Assert.NotEmpty(systems);
            return systems;
        }
    }

    [Fact]
    public async Task Copies_of_the_sources_without_git_pack_the_same_library_wherever_they_are()
    {
        byte[][] libraries = [await Packed("here"), await Packed(Path.Combine("else", "where"))];
        Assert.Equal(libraries[0], libraries[1]);

        async Task<byte[]> Packed(string name)
        {
            string folder = copies.CopySources(name), feed = Path.Combine(folder, "feed");
            var packed = await ProgramRun.RunSdkAsync(
                Path.Combine(folder, "src", "Transforms"), "pack", "-warnaserror", "-c", "Release", "-o", feed, "-p:TargetFrameworks=net10.0", "-p:RunAnalyzers=false", "-p:NuGetAudit=false");
            Assert.True(packed.Code == 0, packed.Output);
            using var package = ZipFile.OpenRead(Path.Combine(feed, $"{Transforms}.{VersionWithoutGit}.nupkg"));
            return Bytes(package, $"lib/net10.0/{Transforms}.dll");
        }
    }

    /// <summary>The versions that this repository is built with.</summary>
    internal static Dictionary<string, string> Versions() => XDocument.Load(Path.Combine(ProgramRun.PathOf("Repository"), "Directory.Packages.props")).Descendants("PackageVersion")
        .ToDictionary(version => (string)version.Attribute("Include")!, version => (string)version.Attribute("Version")!);

    private static ZipArchive Open(string library, string extension) => ZipFile.OpenRead(Path.Combine(CopiedSamples.Feed, $"{library}.{CopiedSamples.Version}.{extension}"));

    private static Dictionary<string, XElement> Facts(ZipArchive package, string library) =>
        XDocument.Parse(Text(package, $"{library}.nuspec")).Root!.Elements().Single().Elements().ToDictionary(element => element.Name.LocalName);

    private static string Text(ZipArchive package, string name)
    {
        using var reader = new StreamReader(Entry(package, name).Open());
        return reader.ReadToEnd();
    }

    private static byte[] Bytes(ZipArchive package, string name)
    {
        using var stream = Entry(package, name).Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static ZipArchiveEntry Entry(ZipArchive package, string name)
    {
        var entry = package.GetEntry(name);
        Assert.True(entry is not null, $"The package has no {name}.");
        return entry;
    }
}
