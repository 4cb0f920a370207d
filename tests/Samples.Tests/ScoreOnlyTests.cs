using System.Globalization;
using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class ScoreOnlyTests : FolderTest
{
    [Fact]
    public async Task A_program_that_knows_nothing_of_the_library_scores_the_same()
    {
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes: 3, perClass: 8));
        var labels = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(files);
        var loading = mlContext.Transforms.LoadImages("Image", "", "ImagePath").Fit(files);
        var train = loading.Transform(labels.Transform(files));
        using var sla = mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            Architecture = Architecture.CifarResNet(depth: 8),
            Epochs = 1,
            Inference = SlaInference.Aggregated,
        }).Fit(train);
        await ScoresTheSame(mlContext, loading, sla);
    }

    [Fact]
    public async Task It_scores_an_embedding_with_classes_that_were_learnt_from_a_few_images()
    {
        var mlContext = new MLContext(seed: 1);
        var files = mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes: 5, perClass: 4));
        var labels = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(files);
        var loading = mlContext.Transforms.LoadImages("Image", "", "ImagePath").Fit(files);
        using var embedding = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            Channels = 1,
            Architecture = Architecture.ConvNet(8),
            Ways = 3,
            Shots = 2,
            Queries = 2,
            Episodes = 5,
        }).Fit(loading.Transform(labels.Transform(files)));

        var support = mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes: 3, perClass: 2));
        var supportLabels = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(support);
        using var classifier = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding)
            .Fit(embedding.Transform(loading.Transform(supportLabels.Transform(support))));
        await ScoresTheSame(mlContext, loading, embedding, classifier);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        var (code, _, error) = await ProgramRun.RunAsync("ScoreOnly", "nothing.zip", "no.png");
        Assert.Equal(1, code);
        Assert.Contains("nothing.zip", error, StringComparison.Ordinal);
    }

    /// <summary>Saves steps from the path of an image to its class, and scores with them in the program.</summary>
    private async Task ScoresTheSame(MLContext mlContext, params IEnumerable<ITransformer> steps)
    {
        LabelledImage[] images = FashionImages.Test(classes: 3, perClass: 2);
        var files = mlContext.Data.LoadFromEnumerable(images);
        var scoring = new TransformerChain<ITransformer>([.. steps]);
        var naming = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel").Fit(scoring.Transform(files));
        var chain = scoring.Append(naming);
        string model = InFolder("model.zip");
        mlContext.Model.Save(chain, files.Schema, model);

        var expected = chain.Transform(files);
        string[][] lines = [.. (await ProgramRun.RunAsync("ScoreOnly", [model, .. images.Select(i => i.ImagePath)])).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => line.Split('\t'))];

        Assert.Equal(images.Select(i => i.ImagePath), lines.Select(l => l[0]));
        Assert.Equal(expected.GetColumn<string>("PredictedLabelName"), lines.Select(l => l[1]));
        foreach (var (want, have) in expected.GetColumn<float[]>("Score").Zip(lines.Select(l => l[2].Split(' '))))
        {
            foreach (var (a, b) in want.Zip(have, (a, b) => (a, float.Parse(b, CultureInfo.InvariantCulture))))
                Assert.Equal(a, b, 1e-5f);
        }

        string[] assemblies = [.. Directory.GetFiles(Path.GetDirectoryName(ProgramRun.PathOf("ScoreOnly"))!, "*.dll").Select(file => Path.GetFileName(file)!)];
        Assert.DoesNotContain(assemblies, name => name.Contains("Sla", StringComparison.Ordinal) || name.Contains("Torch", StringComparison.Ordinal));
    }
}
