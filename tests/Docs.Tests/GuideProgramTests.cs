using System.Net;
using Guides.AnyTrainer;
using Guides.Deployment;
using Guides.Examples;
using Guides.FewShot;
using Guides.GettingStarted;
using Guides.Photos;
using Guides.Readme;
using Guides.Search;
using Guides.Security;
using Guides.Training;
using Guides.Transformations;
using Guides.UnevenClasses;
using Guides.UnknownImages;
using Guides.WebServers;
using Microsoft.AspNetCore.Builder;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Runs the programs of README and guides in a folder of a few real images.</summary>
public sealed class GuideProgramTests : FolderTest
{
    private readonly string _before = Environment.CurrentDirectory;

    public GuideProgramTests()
    {
        Environment.CurrentDirectory = Folder;
        FashionImages.CopyAsJpeg(FashionImages.Test(classes: 1, perClass: 1)[0].ImagePath, "new.jpg");
    }

    public override void Dispose()
    {
        Environment.CurrentDirectory = _before;
        base.Dispose();
    }

    [Fact]
    public void The_programs_of_the_readme_run()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 8));
        ReadmeCode.Train();

        // A program that scores has paths, and no labels.
        var mlContext = new MLContext(seed: 1);
        var paths = mlContext.Data.LoadFromEnumerable([new { ImagePath = "new.jpg" }]);
        var scored = mlContext.Model.Load("model.zip", out _).Transform(paths);
        Assert.Single(scored.GetColumn<string>("PredictedLabelName"));

        var rows = PreparedPhotos(mlContext);
        using var trained = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            Architecture = Architecture.ConvNet(8),
            Ways = 3,
            Shots = 2,
            Queries = 1,
            Episodes = 2,
        }).Fit(rows);
        mlContext.Model.Save(trained, rows.Schema, "embedding.zip");
        Assert.Equal(4, ReadmeCode.LearnNewClass(mlContext, rows, mlContext.Data.TakeRows(rows, 5)));

        // The page of the package without TorchSharp.
        var pixels = mlContext.Transforms.ResizeImages("Image", imageWidth: 14, imageHeight: 14)
            .Append(mlContext.Transforms.ExtractPixels("Features", "Image", ImagePixelExtractingEstimator.ColorBits.Red)).Fit(rows).Transform(rows);
        Assert.All(ReadmeCode.Augment(mlContext, pixels).GetColumn<float[]>("Score"), score => Assert.Equal(1, score.Sum(), tolerance: 1e-4));
    }

    [Fact]
    public void Getting_started_trains_measures_and_predicts_and_deployment_takes_its_model()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 6));
        GettingStartedGuide.Run();

        FashionImages.WritePhotos("inbox", FashionImages.Test(classes: 3, perClass: 2), ofClasses: false);
        DeploymentGuide.Run();
        Assert.True(File.Exists("model.onnx"));
        Assert.True(new FileInfo("small.zip").Length < new FileInfo("model.zip").Length);
    }

    [Fact]
    public void Files_of_strangers_are_scored_or_refused()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 2, perClass: 4));
        TrainShortly();
        FashionImages.WritePhotos("uploads", FashionImages.Test(classes: 2, perClass: 1), ofClasses: false);
        File.WriteAllText(Path.Combine("uploads", "page.jpg"), "<html>");
        File.WriteAllBytes(Path.Combine("uploads", "large.jpg"), new byte[20_000_001]);
        Assert.Equal(2, SecurityGuide.Run());
    }

    [Fact]
    public async Task Web_servers_predict_uploads_and_say_how_they_fare()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 2, perClass: 4));
        TrainShortly();
        await WebServersGuide.RunAsync(RunningServer.Arguments, async client =>
        {
            await AssertServesAsync(client);
            Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(client, "/predict", [1, 2, 3])).StatusCode);
        });
        await ReadmeCode.ServeAsync(RunningServer.Arguments, AssertServesAsync);

        File.Copy("model.zip", "flowers.zip");
        File.Copy("model.zip", "birds.zip");
        var builder = WebApplication.CreateBuilder(RunningServer.Arguments);
        WebServersGuide.AddTwo(builder);
        var app = builder.Build();
        WebServersGuide.MapTwo(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        await RunningServer.UseAsync(app, async client => Assert.Equal(HttpStatusCode.OK, (await PostAsync(client, "/birds", File.ReadAllBytes("new.jpg"))).StatusCode));

        static async Task AssertServesAsync(HttpClient client)
        {
            Assert.Equal("Healthy", await client.GetStringAsync("/health", TestContext.Current.CancellationToken));
            var answer = await PostAsync(client, "/predict", File.ReadAllBytes("new.jpg"));
            Assert.Contains("\"probability\":", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        static Task<HttpResponseMessage> PostAsync(HttpClient client, string path, byte[] content) =>
            client.PostAsync(path, new ByteArrayContent(content), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Photos_that_cannot_be_read_are_left_out()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 3));
        File.WriteAllText(Path.Combine(Directory.GetDirectories("photos")[0], "broken.jpg"), "no image");
        PhotosGuide.Run();
        Assert.Equal(1, Load("model.zip").TrainingHistory.UnreadableImages);
    }

    [Fact]
    public void Training_keeps_the_best_epoch_and_leaves_curves()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 5));
        TrainingGuide.Run();
        Assert.NotNull(Load("model.zip").TrainingHistory.BestEpoch);
        Assert.NotEmpty(Directory.GetFiles("logs"));

        var mlContext = new MLContext(seed: 1);
        var options = new SlaTrainer.Options { FeatureColumnName = "Image", Architecture = TrainingGuide.CustomNetwork() };
        Assert.True(TrainingGuide.LearningRate(mlContext, options, PreparedPhotos(mlContext)) > 0);
        Assert.Equal(0.5, TrainingGuide.Pretrained().LayerRateDecay);
    }

    [Fact]
    public void Transformations_are_compared()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 2, perClass: 6));
        TransformationsGuide.Run();
        var own = TransformationsGuide.Own();
        own.Validate(new ImageShape(3, 32, 32));
        Assert.Equal(2, own.Count);
    }

    [Fact]
    public async Task Search_finds_a_model_in_its_time()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 10));
        await SearchGuide.RunAsync(["8"]);
        Assert.Equal(3, Load("model.zip").ClassNames.Count);
    }

    [Fact]
    public void Few_shot_learns_a_class_from_five_photos()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 5, perClass: 15));
        FashionImages.WritePhotos("new-classes", [.. FashionImages.Train(classes: 10, perClass: 6).Where(image => image.Label is "sandal" or "sneaker")]);
        FewShotGuide.Run(["3"]);
        using var classifier = PrototypeTransformer.Load(new MLContext(), "classifier.zip");
        Assert.Equal("sandal", classifier.ClassNames[^1]);
        Assert.Equal(6, classifier.ClassNames.Count);
    }

    [Fact]
    public void Uneven_classes_are_trained_on()
    {
        FashionImages.WritePhotos("photos", FashionImages.TrainUneven(8, 4, 2));
        FashionImages.WritePhotos("validation", FashionImages.Test(classes: 3, perClass: 2));
        UnevenClassesGuide.Run();
        Assert.Equal(3, Load("model.zip").ClassNames.Count);
    }

    [Fact]
    public void Images_of_no_known_class_are_told()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 20));
        FashionImages.WritePhotos("new", FashionImages.Test(classes: 3, perClass: 1), ofClasses: false);
        UnknownImagesGuide.Run();
        Assert.InRange(Load("model.zip").ThresholdFor(0.2).Coverage, 0.1, 1);
    }

    [Fact]
    public void Any_trainer_learns_joint_labels()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 3, perClass: 20));
        AnyTrainerGuide.Run();
        Assert.True(File.Exists("model.zip"));
    }

    [Fact]
    public void Examples_without_a_long_training_run()
    {
        FashionImages.WritePhotos("photos", FashionImages.Train(classes: 2, perClass: 4));
        TrainShortly();
        ExamplesCode.Predict();
        ExamplesCode.Serve();
        ExamplesCode.Export();
        Assert.True(File.Exists("model.onnx"));
        ExamplesCode.LoadUpright();
        ExamplesCode.Augment();
        Assert.Contains("Score", new MLContext().Model.Load("model.zip", out var input).GetOutputSchema(input).Select(column => column.Name));
    }

    private static SlaTransformer Load(string path) => SlaTransformer.Load(new MLContext(), path);

    private static void TrainShortly()
    {
        var mlContext = new MLContext(seed: 1);
        var rows = PreparedPhotos(mlContext);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(
            new SlaTrainer.Options { FeatureColumnName = "Image", Architecture = Architecture.ConvNet(4), Epochs = 1 }).Fit(rows);
        mlContext.Model.Save(model, rows.Schema, "model.zip");
    }

    private static IDataView PreparedPhotos(MLContext mlContext)
    {
        var files = mlContext.Data.LoadFromEnumerable(
            Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories).Select(path => new LabelledImage(path, new FileInfo(path).Directory!.Name)));
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.LoadImages("Image", "", "ImagePath")).Fit(files).Transform(files);
    }
}
