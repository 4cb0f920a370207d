using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A program with the packages of this library and a newer ML.NET than they are built with.</summary>
[Collection(CliGroup.Name)]
public sealed class NewerMLNetTests(TrainedByCli trained, CopiedSamples copies) : IClassFixture<CopiedSamples>
{
    /// <summary>The version that the guide of deployment names.</summary>
    private const string Version = "6.0.0";

    [Fact]
    public async Task It_loads_a_model_and_trains_and_scores_images_of_the_models_size_the_same()
    {
        // ML.NET 6 asks for a version of SkiaSharp that not every feed serves, and takes the next one with a warning.
        string program = await copies.BuildAsync("newer", Program, [("Microsoft.ML", Version), ("Microsoft.ML.ImageAnalytics", Version), ("Microsoft.ML.OnnxTransformer", Version)]);

        string image = trained.TestFiles[0];
        var run = await ProgramRun.RunFileAsync(program, Path.GetDirectoryName(program), trained.Model, image, trained.Images);
        Assert.True(run.Code == 0, run.Error);
        string[] lines = run.Output.Trim().Split('\n');
        Assert.StartsWith(Version, lines[0], StringComparison.Ordinal);
        using var predictor = SlaPredictor.Load(trained.Model);
        string scores = string.Join(' ', predictor.Predict(image).Score.Select(score => score.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal([scores, scores, "trained 3"], lines[1..]);
    }

    private const string Program =
        """
        using System.Globalization;
        using System.Reflection;
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.Sla;

        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        Console.WriteLine(typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);

        using var predictor = SlaPredictor.Load(args[0]);
        Console.WriteLine(string.Join(' ', predictor.Predict(args[1]).Score));

        var mlContext = new MLContext(seed: 1);
        var model = mlContext.Model.Load(args[0], out _);
        var image = mlContext.Data.LoadFromEnumerable([new { ImagePath = args[1] }]);
        Console.WriteLine(string.Join(' ', model.Transform(image).GetColumn<float[]>("Score").Single()));

        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles(args[2], "*.png", SearchOption.AllDirectories).Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
        var labelled = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.LoadUprightImages("Image", "ImagePath")).Fit(files).Transform(files);
        using var trained = mlContext.MulticlassClassification.Trainers.Sla(
            new SlaTrainer.Options { FeatureColumnName = "Image", Channels = 1, ImageWidth = 28, ImageHeight = 28, Architecture = Architecture.ConvNet(4), Epochs = 1 }).Fit(labelled);
        Console.WriteLine($"trained {trained.ClassNames.Count}");
        """;
}
