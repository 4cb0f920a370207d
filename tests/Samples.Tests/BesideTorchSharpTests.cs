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
        string program = await copies.BuildAsync("beside", Program, [("Microsoft.ML.TorchSharp", Version)], "-warnaserror");
        var run = await ProgramRun.RunFileAsync(program, Path.GetDirectoryName(program));
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

        """ + PackageProgram.Rows +
        """

        // The trainer downloads its weights unless they are there. Those of a network of the same shape stand for them.
        mlContext.TempFilePath = Directory.CreateDirectory("temporary").FullName;
        string weights = Path.Combine(Directory.CreateDirectory(Path.Combine("temporary", "mlnet")).FullName, "NasBert2000000.tsm");
        int[] layers = [9, 11, 7, 0, 0, 0, 11, 11, 7, 0, 0, 0, 9, 7, 11, 0, 0, 0, 10, 7, 9, 0, 0, 0];
        new NasBertEncoder(
            paddingIdx: 1, vocabSize: 50265, maxSeqLen: 512, embedSize: 64, arches: layers, numSegments: 0, encoderNormalizeBefore: true, numEncoderLayers: layers.Length).save(weights);
        try
        {
            var keyed = mlContext.Transforms.Conversion.MapValueToKey("Key", "Label").Fit(rows).Transform(rows);
            mlContext.MulticlassClassification.Trainers.TextClassification(labelColumnName: "Key", sentence1ColumnName: "Label").Fit(keyed);
            Console.WriteLine("TextClassification trains");
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine($"TextClassification: {e.Message}");
        }

        foreach (var method in typeof(TorchSharpCatalog).Assembly.GetTypes().SelectMany(Members.MethodsOf))
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

        """ + PackageProgram.Training +
        """

        Console.WriteLine($"Sla scores {scores.Count} rows");

        """ + PackageProgram.Types;
}
