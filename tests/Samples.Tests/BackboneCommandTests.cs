using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary><c>sla train</c> and <c>sla search</c> on images that look like photos: they start from a pretrained network by themselves.</summary>
[Collection(CliGroup.Name)]
public sealed class BackboneCommandTests : FolderTest
{
    private const int Side = 120;
    private const int PerClass = 8;

    [Fact]
    public async Task Photos_start_from_the_pretrained_network_and_the_model_says_so()
    {
        string images = Photos("photos", channels: 3);
        string model = InFolder("m.zip");
        var run = await SlaCommand.DoneAsync("train", "--images", images, "--model", model, "--image-size", "96", "--checkpoint", InFolder("embeddings"));
        Assert.Contains("ResNet-18, which was trained on photos", run.Error, StringComparison.Ordinal);
        Assert.Contains("Log-loss on 16 images, over folds: Baseline (none, Single)", run.Error, StringComparison.Ordinal);
        Assert.Contains("is trained: it has the fewest views", run.Error, StringComparison.Ordinal);

        // Another training on the same photos has nothing to compute.
        var again = await SlaCommand.DoneAsync("train", "--images", images, "--model", InFolder("other.zip"), "--image-size", "96", "--checkpoint", InFolder("embeddings"));
        Assert.Contains("views known from before", again.Error, StringComparison.Ordinal);

        var evaluation = await SlaCommand.JsonAsync("evaluate", "--model", model, "--images", images);
        Assert.True((double)evaluation["accuracy"]! > 0.9, evaluation.ToJsonString());
        var (loaded, schema) = (new MLContext().Model.Load(model, out var input), input);
        Assert.Contains(loaded.GetOutputSchema(schema), column => column.Name == "PredictedLabelName");
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public async Task A_time_decides_the_size_of_the_images()
    {
        string images = Photos("photos", channels: 3);
        var training = await SlaCommand.JsonAsync("train", "--images", images, "--model", InFolder("m.zip"), "--max-seconds", "300", "--freeze");
        Assert.Equal(224, (int)training["imageSize"]!);

        // A second is too little even for the smallest size.
        var run = await SlaCommand.DoneAsync("train", "--images", images, "--model", InFolder("short.zip"), "--max-seconds", "1");
        Assert.Contains("The training takes longer than --max-seconds.", run.Error, StringComparison.Ordinal);
        Assert.Contains("64 x 64", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resumed_training_has_the_size_that_its_first_command_chose()
    {
        string checkpoint = InFolder("checkpoint");
        string[] train = ["train", "--images", Photos("photos", channels: 3), "--model", InFolder("m.zip"), "--backbone", "resnet18", "--max-seconds", "300", "--freeze", "--checkpoint", checkpoint];
        Assert.Equal(224, (int)(await SlaCommand.JsonAsync(train))["imageSize"]!);
        string choice = Directory.GetFiles(checkpoint, "*.json").Single();
        File.WriteAllText(choice, File.ReadAllText(choice).Replace("224", "96", StringComparison.Ordinal));
        Assert.Equal(96, (int)(await SlaCommand.JsonAsync([.. train, "--resume"]))["imageSize"]!);
        File.WriteAllText(choice, "{");
        await SlaCommand.RefusedAsync("is damaged", [.. train, "--resume"]);
    }

    [Fact]
    public async Task The_rest_of_a_time_trains_all_weights()
    {
        string[] train = ["train", "--images", Photos("photos", channels: 3), "--objective", "baseline", "--augment", "none", "--image-size", "64", "--batch-size", "4", "--max-seconds"];
        var tuned = await SlaCommand.JsonAsync([.. train, "600", "--model", InFolder("m.zip")]);
        Assert.InRange((int)tuned["steps"]!, 2, 40);
        Assert.InRange((double)tuned["seconds"]!, 0, 60);

        // The heads take all of a second.
        var heads = await SlaCommand.JsonAsync([.. train, "1", "--model", InFolder("short.zip")]);
        Assert.Equal(1, (int)heads["steps"]!);
    }

    [Theory]
    [InlineData(3, "none")]
    [InlineData(1, "auto")]
    public async Task Without_a_backbone_and_on_small_grey_images_the_network_is_trained_from_scratch(int channels, string backbone)
    {
        string images = Photos("photos", channels);
        var run = await SlaCommand.DoneAsync("train", "--images", images, "--model", InFolder("m.zip"), "--backbone", backbone, "--epochs", "1", "--image-size", "32");
        Assert.DoesNotContain("ResNet-18 (Microsoft)", run.Error + run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backbone_that_cannot_be_used_is_an_error_that_names_it()
    {
        string images = Photos("photos", channels: 3);
        await SlaCommand.RefusedAsync("There is no ONNX file 'none.onnx'", "train", "--images", images, "--model", InFolder("m.zip"), "--backbone", "none.onnx");
        await SlaCommand.RefusedAsync("Give one of --backbone", "train", "--images", images, "--model", InFolder("m.zip"), "--backbone", "resnet18", "--architecture", "conv-net-16");
    }

    [Fact]
    public async Task Fine_tuning_changes_the_network_after_its_heads()
    {
        string[] train =
        [
            "train", "--images", Photos("photos", channels: 3), "--objective", "baseline", "--augment", "none", "--image-size", "64", "--validation-fraction", "0",
        ];
        await SlaCommand.DoneAsync([.. train, "--model", InFolder("frozen.zip"), "--freeze"]);
        var tuned = await SlaCommand.JsonAsync([.. train, "--model", InFolder("tuned.zip"), "--fine-tune", "--epochs", "1", "--batch-size", "8"]);
        Assert.Equal((1, 2), ((int)tuned["epochs"]!, (int)tuned["steps"]!));
        string photo = Path.Combine(InFolder("photos"), "stripes", "3.png");
        double before = Predictor(InFolder("frozen.zip")), after = Predictor(InFolder("tuned.zip"));
        Assert.NotEqual(before, after);
        Assert.True(after > 0.5, $"{after}");

        double Predictor(string model)
        {
            using var predictor = SlaPredictor.Load(model);
            return predictor.Predict(photo).Score[1];
        }
    }

    [Fact]
    public async Task Freezing_and_fine_tuning_need_a_network_and_exclude_each_other()
    {
        string[] train = ["train", "--images", Photos("photos", channels: 3), "--model", InFolder("m.zip")];
        await SlaCommand.RefusedAsync("Give one of --freeze and --fine-tune", [.. train, "--freeze", "--fine-tune"]);
        await SlaCommand.RefusedAsync("--freeze and --fine-tune need a network that was trained before", [.. train, "--fine-tune", "--backbone", "none"]);
    }

    [Fact]
    public async Task A_search_tries_the_pretrained_network_first()
    {
        string images = Photos("photos", channels: 3);
        string[] search = ["search", "--images", images, "--model", InFolder("m.zip"), "--max-seconds", "120", "--max-trials", "2", "--image-size", "64", "--batch-size", "16"];
        var run = await SlaCommand.DoneAsync([.. search, "--json"]);
        Assert.Contains("The search tries ResNet-18", run.Error, StringComparison.Ordinal);
        Assert.Contains("views through the network", run.Error, StringComparison.Ordinal);
        Assert.Contains("trial 1 (Backbone=resnet18): accuracy", run.Error, StringComparison.Ordinal);
        Assert.Equal("resnet18", (string)System.Text.Json.Nodes.JsonNode.Parse(run.Output)!["configuration"]!["Backbone"]!);
        Assert.True((double)(await SlaCommand.JsonAsync("evaluate", "--model", InFolder("m.zip"), "--images", images))["accuracy"]! > 0.9);
    }

    [Theory]
    [InlineData("--backbone", "none")]
    [InlineData("--fix", "Backbone=none")]
    [InlineData("--fix", "Architecture=conv-net-64")]
    public async Task A_search_without_a_backbone_trains_from_scratch(string option, string value)
    {
        string images = Photos("photos", channels: 3);
        var found = await SlaCommand.JsonAsync("search", "--images", images, "--model", InFolder("m.zip"), "--max-seconds", "8", "--max-trials", "2", "--image-size", "32", option, value);
        Assert.DoesNotContain("ResNet-18", (string)found["architecture"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backbone_is_given_to_a_search_once()
    {
        string[] search = ["search", "--images", Photos("photos", channels: 3), "--model", InFolder("m.zip")];
        await SlaCommand.RefusedAsync("The backbone is given twice", [.. search, "--backbone", "resnet18", "--fix", "Backbone=none"]);
        await SlaCommand.RefusedAsync("Give one of --backbone", [.. search, "--backbone", "resnet18", "--fix", "Architecture=conv-net-64"]);
        await SlaCommand.RefusedAsync("There is no ONNX file 'other.onnx'", [.. search, "--fix", "Backbone=other.onnx"]);
    }

    /// <summary>A folder of images of stripes and of images of gradients, of random colours.</summary>
    private string Photos(string name, int channels)
    {
        string folder = InFolder(name);
        foreach (string label in new[] { "gradients", "stripes" })
        {
            Directory.CreateDirectory(Path.Combine(folder, label));
            for (int number = 0; number < PerClass; number++)
            {
                using var image = MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Bgra32, Pixels(label == "stripes", number, channels));
                image.Save(Path.Combine(folder, label, $"{number}.png"));
            }
        }

        return folder;
    }

    private static byte[] Pixels(bool isStriped, int number, int channels)
    {
        var random = new Random(number);
        double[] strength = [random.NextDouble(), random.NextDouble(), random.NextDouble()];
        double phase = random.NextDouble(), length = 6 + (6 * random.NextDouble());
        byte[] pixels = new byte[4 * Side * Side];
        for (int i = 0; i < Side * Side; i++)
        {
            double x = i % Side, y = i / Side;
            double value = isStriped ? 0.5 + (0.5 * Math.Sin(Math.Tau * ((x / length) + phase))) : (x + y) / (2 * Side);
            for (int channel = 0; channel < 3; channel++)
                pixels[(4 * i) + channel] = (byte)(255 * value * strength[channels == 1 ? 0 : channel]);
            pixels[(4 * i) + 3] = byte.MaxValue;
        }

        return pixels;
    }
}
