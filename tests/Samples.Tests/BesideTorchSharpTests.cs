using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>One program with this library and Microsoft.ML.TorchSharp, which was built for an older TorchSharp.</summary>
[Collection(CliGroup.Name)]
public sealed class BesideTorchSharpTests(CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    /// <summary>The version that the guide of scripts names.</summary>
    private const string Version = "0.23.1";

    [Fact]
    public async Task This_library_trains_and_the_other_one_loads_and_fails_as_the_guide_says()
    {
        string project = copies.NewProject("beside", "csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Microsoft.ML.Sla.Trainers" Version="{CopiedSamples.Version}" />
                <PackageReference Include="Microsoft.ML.TorchSharp" Version="{Version}" />
                <PackageReference Include="TorchSharp-cpu" Version="{PackageTests.Versions()["TorchSharp-cpu"]}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), Program);
        string output = Path.Combine(project, "output");
        var built = await ProgramRun.RunSdkAsync(project, "build", "-warnaserror", "-o", output, "-p:NuGetAudit=false");
        Assert.True(built.Code == 0, built.Output);

        var run = await ProgramRun.RunFileAsync(Path.Combine(output, "beside"), project);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(
            ["TextClassification: Tensor invalid -- empty handle.", "Missing for AutoFormerV2Block.forward", "Missing for FPN.forward", "Sla scores 8 rows"],
            run.Output.Trim().Split('\n'));
    }

    private const string Program =
        """
        using System.Reflection;
        using System.Runtime.CompilerServices;
        using System.Security;
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.Sla;
        using Microsoft.ML.TorchSharp;
        using Microsoft.ML.TorchSharp.NasBert.Models;

        TorchLibrary.EnsureLoaded();
        var mlContext = new MLContext(seed: 1) { TempFilePath = Directory.CreateDirectory("temporary").FullName };
        var rows = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(row => new Row { Label = row % 2 == 0 ? "dark" : "light", Image = Row.Of(row % 2) }));
        var labelled = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);

        // The trainer downloads its weights unless they are there. Those of a network of the same shape stand for them.
        string weights = Path.Combine(Directory.CreateDirectory(Path.Combine("temporary", "mlnet")).FullName, "NasBert2000000.tsm");
        int[] layers = [9, 11, 7, 0, 0, 0, 11, 11, 7, 0, 0, 0, 9, 7, 11, 0, 0, 0, 10, 7, 9, 0, 0, 0];
        new NasBertEncoder(
            paddingIdx: 1, vocabSize: 50265, maxSeqLen: 512, embedSize: 64, arches: layers, numSegments: 0, encoderNormalizeBefore: true, numEncoderLayers: layers.Length).save(weights);
        try
        {
            mlContext.MulticlassClassification.Trainers.TextClassification(sentence1ColumnName: "Text").Fit(labelled);
            Console.WriteLine("TextClassification trains");
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine($"TextClassification: {e.Message}");
        }

        foreach (var method in Members.Of(typeof(TorchSharpCatalog).Assembly))
        {
            try
            {
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
            catch (MissingMethodException)
            {
                Console.WriteLine($"Missing for {method.DeclaringType!.Name}.{method.Name}");
            }
            catch (SecurityException)
            {
                // It declares a method that only the runtime may have, and does not call it.
            }
        }

        using var model = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            ImageWidth = 16,
            ImageHeight = 16,
            Architecture = Architecture.ConvNet(4),
            Epochs = 1,
        }).Fit(labelled);
        Console.WriteLine($"Sla scores {model.Transform(labelled).GetColumn<float[]>("Score").Count()} rows");

        internal sealed class Row
        {
            public string Label { get; set; } = "";

            public string Text { get; set; } = "a sentence";

            [VectorType(256)]
            public float[] Image { get; set; } = [];

            public static float[] Of(int brightness) => Enumerable.Repeat(brightness * 255f, 256).ToArray();
        }

        internal static class Members
        {
            private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

            public static IEnumerable<MethodBase> Of(Assembly library) => library.GetTypes()
                .Where(type => !type.ContainsGenericParameters && !type.IsSubclassOf(typeof(Delegate)))
                .SelectMany(type => type.GetMembers(All)).OfType<MethodBase>()
                .Where(method => !method.IsAbstract && !method.ContainsGenericParameters);
        }
        """;
}
