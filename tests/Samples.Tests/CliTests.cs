using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Sla;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

[Collection(CliGroup.Name)]
public sealed class CliTests(TrainedByCli trained) : FolderTest
{
    [Fact]
    public void Train_reports_what_it_did()
    {
        Assert.Equal(54, (int)trained.Training["images"]!);
        Assert.Equal(6, (int)trained.Training["validationImages"]!);
        Assert.Equal(3, (int)trained.Training["classes"]!);
        Assert.Equal(6, (int)trained.Training["epochs"]!);
        Assert.Equal(1, (int)trained.Training["channels"]!);
        Assert.Equal(28, (int)trained.Training["imageSize"]!);
        Assert.InRange((double)trained.Training["validationAccuracy"]!, 0, 1);
        Assert.False(Directory.Exists(trained.Model + ".checkpoint"));
    }

    [Fact]
    public void Train_writes_events_for_TensorBoard()
    {
        string file = Assert.Single(Directory.GetFiles(trained.LogFolder));
        byte[] events = File.ReadAllBytes(file);
        foreach (string tag in new[] { "loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "learning rate", "images per second" })
            Assert.True(events.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(tag)) >= 0, tag);
    }

    [Fact]
    public async Task Evaluate_measures_what_ML_NET_measures_of_the_loaded_model()
    {
        var evaluation = await SlaCommand.JsonAsync("evaluate", "--model", trained.Model, "--images", trained.TestImages);
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(trained.Model, out _);
        var files = mlContext.Data.LoadFromEnumerable(trained.TestFiles.Select(path => new LabelledImage(path, Path.GetFileName(Path.GetDirectoryName(path)!))));
        var scored = model.Transform(mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files));
        var metrics = mlContext.MulticlassClassification.Evaluate(scored);

        Assert.Equal(30, (int)evaluation["images"]!);
        Assert.Equal(metrics.MicroAccuracy, (double)evaluation["accuracy"]!, 6);
        Assert.Equal(metrics.MacroAccuracy, (double)evaluation["macroAccuracy"]!, 6);
        Assert.Equal(metrics.LogLoss, (double)evaluation["logLoss"]!, 5);
        Assert.True((double)evaluation["imagesPerSecond"]! > 0);
        var perClass = evaluation["perClass"]!.AsArray();
        Assert.Equal(metrics.ConfusionMatrix.PerClassRecall, perClass.Select(c => (double)c!["recall"]!));
        Assert.Equal(metrics.ConfusionMatrix.PerClassPrecision, perClass.Select(c => (double?)c!["precision"] ?? 0));
        Assert.Equal([10, 10, 10], perClass.Select(c => (int)c!["images"]!));
    }

    [Theory]
    [InlineData("single", "dynamic")]
    [InlineData("aggregated", "dynamic")]
    [InlineData("distilled", "1")]
    public async Task An_exported_model_scores_in_ONNX_Runtime_as_evaluate_does(string inference, string batch)
    {
        string onnx = InFolder("model.onnx");
        await SlaCommand.DoneAsync("export", "--model", trained.Model, "--onnx", onnx, "--inference", inference, "--batch", batch);
        var evaluation = await SlaCommand.JsonAsync("evaluate", "--model", trained.Model, "--images", trained.TestImages, "--inference", inference);

        string[] files = trained.TestFiles;
        float[] pixels = [.. files.SelectMany(Pixels)];
        float[] scores = batch == "1" ? [.. pixels.Chunk(28 * 28).SelectMany(image => Score(onnx, image))] : Score(onnx, pixels);
        string[] classes = [.. Directory.GetDirectories(trained.Images).Select(name => Path.GetFileName(name)!).Order(StringComparer.Ordinal)];
        var rows = files.Zip(scores.Chunk(3), (file, row) => (Label: Array.IndexOf(classes, Path.GetFileName(Path.GetDirectoryName(file)!)), Scores: row)).ToList();
        Assert.Equal((double)evaluation["accuracy"]!, rows.Average(row => row.Scores.Max() == row.Scores[row.Label] ? 1.0 : 0), 6);
        Assert.Equal((double)evaluation["logLoss"]!, rows.Average(row => -Math.Log(row.Scores[row.Label])), 4);
    }

    [Fact]
    public async Task Predict_gives_the_probabilities_of_an_image_and_of_its_views()
    {
        string file = trained.TestFiles[0];
        var prediction = (await SlaCommand.JsonAsync("predict", "--model", trained.Model, file, "--top", "2", "--views"))[0]!;
        var mlContext = new MLContext();
        var scored = mlContext.Model.Load(trained.Model, out _).Transform(mlContext.Data.LoadFromEnumerable([new LabelledImage(file, "")]));
        float[] scores = scored.GetColumn<float[]>("Score").Single();

        Assert.Equal(file, (string)prediction["file"]!);
        Assert.Equal(scored.GetColumn<string>("PredictedLabelName").Single(), (string)prediction["predictedLabel"]!);
        Assert.Equal(scores.Max(), (float)prediction["top"]![0]!["probability"]!, 1e-5f);
        Assert.Equal(2, prediction["top"]!.AsArray().Count);
        Assert.Equal(["0°", "90°", "180°", "270°"], prediction["views"]!.AsArray().Select(view => (string)view!["transformation"]!));
        Assert.All(prediction["views"]!.AsArray(), view => Assert.InRange((float)view!["top"]![0]!["probability"]!, 1 / 3f, 1));
    }

    [Fact]
    public async Task Predict_keeps_the_order_of_the_files_and_names_each_that_cannot_be_used()
    {
        string[] files = [.. trained.TestFiles.Reverse()];
        var predictions = (await SlaCommand.JsonAsync(["predict", "--model", trained.Model, .. files])).AsArray();
        Assert.Equal(files, predictions.Select(prediction => (string)prediction!["file"]!));
        Assert.All(predictions, prediction => Assert.Null(prediction!["views"]));

        foreach (int i in new[] { 7, 20 })
            File.WriteAllText(files[i] = InFolder($"{i}.png"), "no image");
        files[9] = InFolder("nothing.png");
        string[] errors =
        [
            $"The image '{files[7]}' cannot be used: it is not an image of a supported kind: JPEG, PNG, GIF, WebP, BMP or ICO.",
            $"There is no file '{files[9]}'.",
            $"The image '{files[20]}' cannot be used: it is not an image of a supported kind: JPEG, PNG, GIF, WebP, BMP or ICO.",
        ];
        var run = await SlaCommand.RunAsync(["predict", "--model", trained.Model, .. files]);
        Assert.Equal(1, run.Code);
        Assert.Equal(errors.Select(error => $"sla: {error}"), run.Error.Trim().Split('\n'));
        Assert.Equal(files.Where((_, i) => i is not (7 or 9 or 20)), run.Output.Trim().Split('\n').Select(line => line.Split(": ")[0]));

        run = await SlaCommand.RunAsync(["predict", "--model", trained.Model, "--json", .. files]);
        Assert.Equal(1, run.Code);
        var entries = JsonNode.Parse(run.Output)!.AsArray();
        Assert.Equal(files, entries.Select(entry => (string)entry!["file"]!));
        Assert.Equal(errors, entries.Select(entry => (string?)entry!["error"]).OfType<string>());
        Assert.Null(entries[7]!["predictedLabel"]);
        Assert.Equal((string)predictions[8]!["predictedLabel"]!, (string)entries[8]!["predictedLabel"]!);
    }

    [Fact]
    public async Task Predict_takes_all_images_below_a_folder()
    {
        Directory.CreateDirectory(InFolder("hidden/.cache"));
        File.Copy(trained.TestFiles[0], InFolder("hidden/.cache/1.png"));
        var predictions = (await SlaCommand.JsonAsync("predict", "--model", trained.Model, trained.TestImages)).AsArray();
        Assert.Equal(trained.TestFiles, predictions.Select(prediction => (string)prediction!["file"]!));
        await SlaCommand.RefusedAsync("There is no image in", "predict", "--model", trained.Model, InFolder("hidden"));
    }

    [Fact]
    public async Task Evaluate_names_a_broken_image_and_can_skip_it()
    {
        string images = InFolder("images");
        TrainedByCli.Copy(FashionImages.Test(classes: 3, perClass: 2), images);
        string broken = Path.Combine(images, "bag", "zz.jpg");
        File.WriteAllText(broken, "<html>");
        await SlaCommand.RefusedAsync($"The image '{broken}' cannot be used", "evaluate", "--model", trained.Model, "--images", images);
        var run = await SlaCommand.DoneAsync("evaluate", "--model", trained.Model, "--images", images, "--skip-unreadable", "--json");
        Assert.Contains($"The image '{broken}' cannot be used", run.Error, StringComparison.Ordinal);
        Assert.Equal(6, (int)JsonNode.Parse(run.Output)!["images"]!);
    }

    [Fact]
    public async Task Inspect_says_what_the_model_is()
    {
        var description = await SlaCommand.JsonAsync("inspect", "--model", trained.Model);
        Assert.Equal(["ankle-boot", "bag", "coat"], description["classes"]!.AsArray().Select(name => (string)name!));
        Assert.Equal("CIFAR ResNet-8", (string)description["architecture"]!);
        Assert.Equal(6, description["training"]!["epochs"]!.AsArray().Count);
        using var predictor = SlaPredictor.Load(trained.Model);
        Assert.Equal(predictor.Temperature, (double)description["temperature"]!);
        Assert.NotEqual(1, predictor.Temperature);
        Assert.Contains("CIFAR ResNet-8", (await SlaCommand.DoneAsync("inspect", "--model", trained.Model)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_lr_suggests_a_rate_between_those_that_it_tried()
    {
        var range = await SlaCommand.JsonAsync("find-lr", "--images", trained.Images, "--architecture", "cifar-resnet-8", "--steps", "12");
        double[] rates = [.. range["points"]!.AsArray().Select(point => (double)point!["learningRate"]!)];
        Assert.InRange((double)range["suggested"]!, rates[0], rates[^1]);
    }

    [Fact]
    public async Task A_run_that_was_interrupted_goes_on_to_the_same_model()
    {
        string[] whole = Training("whole.zip", epochs: 100);
        await SlaCommand.DoneAsync(whole);

        string[] stopped = Training("stopped.zip", epochs: 100);
        var first = await ProgramRun.RunUntilAsync("Cli", "epoch 3/", ProgramRun.InterruptSignal(), stopped);
        Assert.Equal(130, first.Code);
        Assert.Empty(first.Output);
        Assert.False(File.Exists(stopped[4]));
        Assert.Contains("Continue with: sla train", first.Error, StringComparison.Ordinal);
        Assert.Contains("--resume", first.Error, StringComparison.Ordinal);

        await SlaCommand.RefusedAsync("--resume", stopped);
        await SlaCommand.DoneAsync([.. stopped, "--resume"]);
        Assert.Equal(Network(whole[4]), Network(stopped[4]));
    }

    [Fact]
    public async Task A_run_that_was_killed_goes_on_from_its_last_checkpoint()
    {
        string[] arguments = Training("killed.zip", epochs: 400);
        var killed = await ProgramRun.RunUntilAsync("Cli", "epoch 101/", "KILL", arguments);
        Assert.NotEqual(0, killed.Code);
        Assert.False(File.Exists(arguments[4]));

        var resumed = await SlaCommand.DoneAsync([.. arguments, "--resume"]);
        Assert.Contains("Continuing after step 100 of 400", resumed.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(arguments[4]));
    }

    [Fact]
    public async Task A_command_that_has_a_time_ends_in_it_also_in_two_parts()
    {
        string[] train = ["train", "--images", trained.Images, "--model", InFolder("m.zip"), "--architecture", "conv-net-16", "--max-seconds", "12"];
        var training = await SlaCommand.JsonAsync(train);
        Assert.True((int)training["epochs"]! > 1);
        Assert.InRange((double)training["seconds"]!, 10, 14);

        train[4] = InFolder("parts.zip");
        var clock = Stopwatch.StartNew();
        var first = await ProgramRun.RunUntilAsync("Cli", "epoch 1/", ProgramRun.InterruptSignal(), train);
        Assert.Equal(130, first.Code);
        Assert.Contains("--max-seconds 12 --resume", first.Error, StringComparison.Ordinal);
        double seconds = clock.Elapsed.TotalSeconds;
        var second = await SlaCommand.JsonAsync([.. train, "--resume"]);

        // Starting and ending are there twice.
        Assert.InRange((double)second["seconds"]! + seconds, 10, 18);
    }

    [Theory]
    [InlineData("There is no folder 'nothing'", "train", "--images", "nothing", "--model", "{0}/m.zip")]
    [InlineData("mkdir -p", "train", "--images", "{1}", "--model", "{0}/no/m.zip")]
    [InlineData("'--model' is required", "train", "--images", "{1}")]
    [InlineData("sla-sd, sla, mt, da, baseline", "train", "--images", "{1}", "--model", "{0}/m.zip", "--objective", "best")]
    [InlineData("must be a whole number of 1 or more", "train", "--images", "{1}", "--model", "{0}/m.zip", "--epochs", "0")]
    [InlineData("one of --epochs and --max-seconds", "train", "--images", "{1}", "--model", "{0}/m.zip", "--epochs", "2", "--max-seconds", "9")]
    [InlineData("18, 34 or 50", "train", "--images", "{1}", "--model", "{0}/m.zip", "--architecture", "resnet-19")]
    [InlineData("need 3 channels", "train", "--images", "{1}", "--model", "{0}/m.zip", "--transformations", "color")]
    [InlineData("There is no checkpoint", "train", "--images", "{1}", "--model", "{0}/m.zip", "--resume")]
    [InlineData("There is no model 'no.zip'", "evaluate", "--model", "no.zip", "--images", "{1}")]
    [InlineData("There is no file 'no.png'", "predict", "--model", "{2}", "no.png")]
    [InlineData("is not a model", "inspect", "--model", "{3}")]
    [InlineData("There is no command 'prdict'", "prdict")]
    public async Task Bad_input_ends_with_1_and_one_line_that_says_what_to_do(string message, params string[] arguments)
    {
        await SlaCommand.RefusedAsync(message, [.. arguments.Select(word => string.Format(null, word, Folder, trained.Images, trained.Model, trained.TestFiles[0]))]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public async Task A_model_that_cannot_be_written_ends_with_2_and_its_training_is_kept()
    {
        // The folder goes away while the training is on: the only failure of a disk that a test can make everywhere.
        string folder = Directory.CreateDirectory(InFolder("out")).FullName;
        string checkpoint = InFolder("checkpoint");
        string[] arguments = [.. Training("out/m.zip", epochs: 60), "--checkpoint", checkpoint];
        var running = SlaCommand.RunAsync(arguments);
        while (!Directory.Exists(checkpoint))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Directory.Delete(folder, recursive: true);
        var run = await running;
        Assert.Equal(2, run.Code);
        Assert.Contains("could not be written", run.Error, StringComparison.Ordinal);

        string other = InFolder("other.zip");
        arguments[4] = other;
        await SlaCommand.DoneAsync([.. arguments, "--resume"]);
        Assert.True(File.Exists(other));
    }

    [Fact]
    public async Task After_a_training_whose_loss_is_no_number_the_command_that_it_prints_trains()
    {
        string model = InFolder("it's.zip");
        string[] arguments = ["train", "--images", trained.Images, "--model", model, "--architecture", "conv-net-8", "--epochs", "2", "--batch-size", "16", "--learning-rate", "1e30"];
        var failed = await SlaCommand.RunAsync(arguments);
        Assert.Equal(2, failed.Code);
        Assert.Contains("Lower --learning-rate, which is 1E+30, by a factor of 3 to 10.", failed.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("LearningRate", failed.Error, StringComparison.Ordinal);
        string aside = Path.Combine(model + ".checkpoint", "checkpoint.safetensors.diverged");
        Assert.True(File.Exists(aside));
        Assert.Contains(aside, failed.Error, StringComparison.Ordinal);

        string[] lower = [.. arguments[..^1], "0.1"];
        Assert.Contains($"Begin anew with: {ShellCommand.Of(["sla", .. lower])}", failed.Error, StringComparison.Ordinal);
        var run = await SlaCommand.DoneAsync(lower);
        Assert.Contains("3 classes, ConvNet-4x8, 2 epochs in", run.Output, StringComparison.Ordinal);
        Assert.Equal([model], Directory.GetFileSystemEntries(Folder));
    }

    [Fact]
    public async Task Folders_and_files_that_are_odd_are_left_out_and_named()
    {
        string images = InFolder("Bilder ä");
        string first = Directory.CreateDirectory(Path.Combine(images, "Größe 1")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(images, "日本"), Path.Combine(trained.Images, "bag"));
        Directory.CreateDirectory(Path.Combine(images, "empty"));
        File.WriteAllText(Path.Combine(first, "notes.txt"), "no image");
        File.Copy(trained.TestFiles[0], Path.Combine(first, "one image.png"));
        string model = InFolder("m.zip");

        var run = await SlaCommand.DoneAsync(SlaCommand.Train(images, model, epochs: 1, "--json"));
        Assert.Equal(2, (int)JsonNode.Parse(run.Output)!["classes"]!);
        Assert.Equal(21, (int)JsonNode.Parse(run.Output)!["images"]!);
        Assert.Contains("notes.txt", run.Error, StringComparison.Ordinal);
        Assert.Contains("2 classes with 21 images: Größe 1 1, 日本 20.", run.Error, StringComparison.Ordinal);
        Assert.Contains("empty' has no images", run.Error, StringComparison.Ordinal);
        var prediction = await SlaCommand.JsonAsync("predict", "--model", model, Path.Combine(first, "one image.png"));
        Assert.Contains((string)prediction[0]!["predictedLabel"]!, new[] { "Größe 1", "日本" });
    }

    [Fact]
    public async Task A_broken_image_is_named_and_can_be_skipped()
    {
        string images = InFolder("images");
        TrainedByCli.Copy(FashionImages.Train(classes: 2, perClass: 3), images);
        string broken = Path.Combine(images, "bag", "broken.jpg");
        File.WriteAllBytes(broken, File.ReadAllBytes(trained.TestFiles[0])[..100]);
        string[] arguments = SlaCommand.Train(images, InFolder("m.zip"), epochs: 1);

        var failed = await SlaCommand.RunAsync(arguments);
        Assert.Equal(1, failed.Code);
        Assert.Contains($"'{broken}' cannot be used: it is cut off. Repair or remove it, or add --skip-unreadable to leave it out.", failed.Error, StringComparison.Ordinal);
        Assert.Equal([images], Directory.EnumerateFileSystemEntries(Folder));

        Assert.Equal(1, (int)(await SlaCommand.JsonAsync([.. arguments, "--skip-unreadable"]))["unreadableImages"]!);
    }

    [Fact]
    public async Task A_list_in_place_of_a_folder_gives_paths_and_labels()
    {
        string list = InFolder("images.tsv");
        File.WriteAllLines(list, ["path\tlabel", .. trained.TestFiles.Select((file, i) => $"{file}\t{(i % 2 == 0 ? "even" : "odd")}")]);
        string model = InFolder("m.zip");
        await SlaCommand.DoneAsync("train", "--list", list, "--model", model, "--architecture", "cifar-resnet-8", "--epochs", "1");
        Assert.Equal(["even", "odd"], (await SlaCommand.JsonAsync("inspect", "--model", model))["classes"]!.AsArray().Select(name => (string)name!));

        File.AppendAllText(list, "no.png\todd\n");
        await SlaCommand.RefusedAsync("Line 32", "evaluate", "--model", model, "--list", list);
    }

    private string[] Training(string model, int epochs) => ["train", "--images", trained.Images, "--model", InFolder(model), "--architecture", "conv-net-4", "--epochs", $"{epochs}"];

    private static IEnumerable<float> Pixels(string file)
    {
        using var image = MLImage.CreateFromFile(file);
        return image.Pixels.ToArray().Where((_, i) => i % 4 == 0).Select(value => (float)value).ToArray();
    }

    private static float[] Score(string onnx, float[] pixels)
    {
        using var session = new InferenceSession(onnx);
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [pixels.Length / (28 * 28), 1, 28, 28]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["Images"], [input], ["Score"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static byte[] Network(string model)
    {
        using var archive = ZipFile.OpenRead(model);
        using var stream = archive.Entries.Single(entry => entry.Name == "OnnxModel").Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
