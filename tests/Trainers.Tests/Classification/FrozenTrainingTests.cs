using Microsoft.ML.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Trainings of heads on a backbone that stays, from images to saved models.</summary>
public sealed class FrozenTrainingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sla-frozen-").FullName;
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly LogMessages _log;

    public FrozenTrainingTests() => _log = new LogMessages(_mlContext);

    public static TheoryData<SlaObjective> Objectives => [.. Enum.GetValues<SlaObjective>()];

    private string ModelPath => Path.Combine(_folder, "model.zip");

    private string Embeddings => Path.Combine(_folder, "embeddings");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Objectives))]
    public void Every_objective_learns_and_its_saved_model_scores_the_same(SlaObjective objective)
    {
        var test = Images(FashionImages.Test(classes: 3, perClass: 10));
        using var model = Fit(Images(), options => options.Objective = objective);
        Assert.True(Accuracy(model, test) > 0.45, $"{Accuracy(model, test)} of the images are right");
        float[][] scores = Training.Scores(model.Transform(test));
        _mlContext.Model.Save(model, test.Schema, ModelPath);

        var loaded = new MLContext().Model.Load(ModelPath, out _);
        Assert.Equal(scores, Training.Scores(loaded.Transform(test)));
        (loaded as IDisposable)?.Dispose();
        using var again = SlaTransformer.Load(_mlContext, ModelPath);
        Assert.Equal(scores, Training.Scores(again.Transform(test)));
        using var predictor = SlaPredictor.Load(ModelPath);
        string path = FashionImages.Test(classes: 3, perClass: 10)[7].ImagePath;
        Assert.True(Training.LargestDifference([scores[7]], [[.. predictor.Predict(path).Score]]) < 1e-5);
    }

    [Fact]
    public void Validation_rows_choose_the_penalty_and_are_measured()
    {
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(Options());
        using var model = trainer.Fit(Images(), Images(FashionImages.Test(classes: 3, perClass: 8)));
        Assert.Equal((72, 24), (model.TrainingHistory.Images, model.TrainingHistory.ValidationImages));
        var epoch = Assert.Single(model.TrainingHistory.Epochs);
        Assert.Equal(Accuracy(model, Images(FashionImages.Test(classes: 3, perClass: 8))), epoch.ValidationAccuracy!.Value, 1e-6);
        Assert.Contains("penalty", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_trainings_give_one_model_bit_for_bit_with_and_without_a_folder()
    {
        using var first = Fit(Images());
        using var second = Fit(Images());
        AssertEqual(first, second);
        using var written = Fit(Images(), options => options.CheckpointFolder = Embeddings);
        AssertEqual(first, written);
        using var read = Fit(Images(), options => options.CheckpointFolder = Embeddings);
        AssertEqual(first, read);
    }

    [Fact]
    public void Mirror_images_are_embedded_where_the_augmentation_mirrors()
    {
        using var plain = Fit(Images(), options => options.Transformations = TransformationSet.None);
        Assert.Contains("72 of 72 views", _log.ToString(), StringComparison.Ordinal);
        _log.Clear();
        using var mirrored = Fit(Images(), options => (options.Transformations, options.Augmentations) = (TransformationSet.None, ImageAugmentation.Parse("flip")));
        Assert.Contains("144 of 144 views", _log.ToString(), StringComparison.Ordinal);
        Assert.NotEqual(Training.Scores(plain.Transform(Images())), Training.Scores(mirrored.Transform(Images())));
    }

    [Fact]
    public void Images_in_colour_are_trained_on()
    {
        using var model = Fit(Images(), options => options.Channels = 3);
        Assert.Equal(3, model.ImageShape.Channels);
        Assert.True(Accuracy(model, Images()) > 0.8);
    }

    [Fact]
    public void A_model_of_this_library_is_a_backbone_for_other_classes()
    {
        var ownOptions = Training.Options(SlaObjective.Baseline);
        ownOptions.Architecture = Architecture.ConvNet(4);
        using var own = _mlContext.MulticlassClassification.Trainers.Sla(ownOptions).Fit(Images());
        foreach (bool isLdam in new[] { false, true })
        {
            var options = Options();
            options.Architecture = own.Architecture;
            (options.ImageWidth, options.ImageHeight) = (28, 28);
            options.ClassificationLoss = isLdam ? ClassificationLoss.Ldam() : ClassificationLoss.CrossEntropy;
            using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Images(FashionImages.Train(classes: 4, perClass: 20)), own);
            Assert.Equal(4, model.ClassNames.Count);
            foreach (var (name, _, values) in own.Model.Weights.Where(tensor => tensor.Name.StartsWith("backbone.", StringComparison.Ordinal)))
                Assert.Equal(values, model.Model.Weights[name].Values);
            Assert.True(Accuracy(model, Images(FashionImages.Train(classes: 4, perClass: 20))) > 0.5);
        }
    }

    [Fact]
    public void Pretrained_weights_are_a_backbone()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Vectors", "resnet8-F32.safetensors");
        using var model = Fit(Images(), options =>
        {
            options.Architecture = Architecture.CifarResNet(depth: 8);
            options.PretrainedPath = path;
            options.Channels = 3;
        });
        var file = PretrainedWeights.Read(path);
        using var network = new SlaNetwork(model.Architecture, model.ImageShape, [], seed: 1);
        file.LoadInto(network);
        foreach (var (name, _, values) in network.GetWeights())
            Assert.Equal(values, model.Model.Weights[name].Values);
        Assert.True(Accuracy(model, Images()) > 0.5);
    }

    [Fact]
    public void A_saved_frozen_model_is_trained_on_and_keeps_its_standardisation()
    {
        // With this seed no two penalties have nearly the same loss. Rounding would decide between them.
        const int Seed = 4;
        using var first = Fit(Images(), options => options.Seed = Seed);
        _mlContext.Model.Save(first, Images().Schema, ModelPath);
        using var saved = SlaTransformer.Load(_mlContext, ModelPath);
        var options = Options();
        (options.Architecture, options.Seed) = (saved.Architecture, Seed);
        using var second = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Images(), saved);

        // On the same images the standardisation is the same, and so is all that follows, but for rounding.
        string scale = $"backbone.{OnnxNetwork.ScaleName}", shift = $"backbone.{OnnxNetwork.ShiftName}";
        Assert.Contains(first.Model.Weights[scale].Values, value => Math.Abs(value - 1) > 0.1);
        AssertClose(first.Model.Weights[scale].Values, second.Model.Weights[scale].Values);
        AssertClose(first.Model.Weights[shift].Values, second.Model.Weights[shift].Values);
        Assert.True(Training.LargestDifference(Training.Scores(first.Transform(Images())), Training.Scores(second.Transform(Images()))) < 0.02);
    }

    [Fact]
    public void Another_inference_scores_by_another_head()
    {
        using var model = Fit(Images(), options => options.Objective = SlaObjective.SlaSelfDistillation);
        Assert.Equal(SlaInference.Distilled, model.Inference);
        using var aggregated = model.WithInference(SlaInference.Aggregated);
        Assert.NotEqual(Training.Scores(model.Transform(Images())), Training.Scores(aggregated.Transform(Images())));
        Assert.True(Accuracy(aggregated, Images()) > 0.8);
        using var views = aggregated.WithViewScores();
        Assert.Contains(views.Transform(Images()).Schema, column => column.Name == "ViewScores");
    }

    [Fact]
    public void Eight_bits_score_nearly_as_32_do()
    {
        using var model = Fit(Images());
        using var int8 = model.ToInt8(Images());
        Assert.True(Accuracy(int8, Images()) > Accuracy(model, Images()) - 0.1);
        _mlContext.Model.Save(int8, Images().Schema, ModelPath);
        var loaded = _mlContext.Model.Load(ModelPath, out _);
        Assert.Equal(Training.Scores(int8.Transform(Images())), Training.Scores(loaded.Transform(Images())));
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void A_cancelled_training_keeps_its_embeddings()
    {
        using (Fit(Images(), options => options.CheckpointFolder = Embeddings))
        {
        }

        string file = Assert.Single(Directory.GetFiles(Embeddings));
        long whole = new FileInfo(file).Length;
        File.Delete(file);
        using var cancellation = new CancellationTokenSource();
        _mlContext.Log += (_, e) =>
        {
            if (e.Message.Contains("views embedded", StringComparison.Ordinal))
                cancellation.Cancel();
        };
        Assert.Throws<OperationCanceledException>(() => Fit(Images(), options =>
        {
            options.CheckpointFolder = Embeddings;
            options.CancellationToken = cancellation.Token;
        }));
        Assert.Equal(whole, new FileInfo(file).Length);
    }

    [Theory]
    [InlineData(SlaObjective.Sla, false, false)]
    [InlineData(SlaObjective.SlaSelfDistillation, true, false)]
    [InlineData(SlaObjective.Baseline, false, true)]
    public void A_model_is_the_same_with_embeddings_in_a_file(SlaObjective objective, bool hasValidation, bool compares)
    {
        using var inMemory = Fit(null);
        Assert.DoesNotContain("in a file", _log.ToString(), StringComparison.Ordinal);
        using var inFile = Fit(1);
        Assert.Contains($"in a file in '{Path.TrimEndingDirectorySeparator(Path.GetTempPath())}", _log.ToString(), StringComparison.Ordinal);
        AssertEqual(inMemory, inFile);

        SlaTransformer Fit(long? budget)
        {
            var options = Options();
            (options.Objective, options.CompareObjectives, options.EmbeddingMemory) = (objective, compares, budget);
            options.Augmentations = ImageAugmentation.Parse("flip");
            options.ValidationSet = hasValidation ? Images(FashionImages.Test(classes: 3, perClass: 8)) : null;
            return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Images());
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(typeof(OperationCanceledException))]
    [InlineData(typeof(InvalidOperationException))]
    public void The_file_of_embeddings_is_gone_however_a_training_ends(Type? error)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux.");
        int open = 0;
        _mlContext.Log += (_, e) =>
        {
            if (!e.Message.Contains("views embedded", StringComparison.Ordinal))
                return;
            open = OpenFiles.Of(Embeddings).Count(file => file.Name.EndsWith("(deleted)", StringComparison.Ordinal));
            if (error is not null)
                throw (Exception)Activator.CreateInstance(error)!;
        };
        Assert.Equal(error, Record.Exception(() => Fit(Images(), options => (options.CheckpointFolder, options.EmbeddingMemory) = (Embeddings, 1)).Dispose())?.GetType());
        Assert.Equal(1, open);
        Assert.Empty(OpenFiles.Of(Embeddings));
        Assert.Single(Directory.GetFiles(Embeddings));
    }

    [Fact]
    public void A_folder_that_takes_no_embeddings_is_an_error_with_a_remedy()
    {
        Directory.CreateDirectory(Embeddings);
        string file = Path.Combine(Embeddings, "file");
        File.WriteAllText(file, "");
        string message = Assert.Throws<IOException>(() => Fit(Images(), options => (options.CheckpointFolder, options.EmbeddingMemory) = (file, 1))).Message;
        Assert.Contains($"'{file}'", message, StringComparison.Ordinal);
        Assert.Contains("another folder as CheckpointFolder", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_budget_of_nothing_is_refused() => Assert.Contains(
        "EmbeddingMemory", Assert.Throws<ArgumentOutOfRangeException>(() => Fit(Images(), options => options.EmbeddingMemory = 0)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_training_whose_time_is_over_takes_some_images_of_each_class_and_the_first_penalty()
    {
        using var model = Fit(Images(), options => (options.TrainingTime, options.Objective) = (TimeSpan.FromTicks(1), SlaObjective.DataAugmentation));
        Assert.Equal(32, model.TrainingHistory.Images);
        Assert.Contains("The time was enough for 32 of the 72 training images", _log.ToString(), StringComparison.Ordinal);
        Assert.Contains("DataAugmentation: penalty 1,", _log.ToString(), StringComparison.Ordinal);
        Assert.True(Accuracy(model, Images()) > 0.5, $"{Accuracy(model, Images())} of the images are right");

        using var validated = Fit(Images(), options =>
            (options.TrainingTime, options.ValidationSet) = (TimeSpan.FromTicks(1), Images(FashionImages.Test(classes: 3, perClass: 8))));
        Assert.Equal((32, 24), (validated.TrainingHistory.Images, validated.TrainingHistory.ValidationImages));
    }

    [Fact]
    public void A_training_with_time_enough_takes_all_images()
    {
        using var model = Fit(Images(), options => options.TrainingTime = TimeSpan.FromMinutes(10));
        Assert.Equal(72, model.TrainingHistory.Images);
        Assert.DoesNotContain("The time was enough", _log.ToString(), StringComparison.Ordinal);
        Assert.True(Accuracy(model, Images()) > 0.8, $"{Accuracy(model, Images())} of the images are right");
    }

    [Fact]
    public void A_backbone_that_was_not_trained_is_an_error_with_a_remedy()
    {
        string message = Assert.Throws<InvalidOperationException>(() => Fit(Images(), options => options.Architecture = Architecture.ConvNet(4))).Message;
        Assert.Contains("FromOnnx", message, StringComparison.Ordinal);
        Assert.Contains("initial model", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_of_one_image_and_fewer_images_than_folds_are_trained_on()
    {
        using var model = Fit(Images([.. FashionImages.Train(classes: 2, perClass: 1), .. FashionImages.Train(classes: 1, perClass: 2).TakeLast(1)]));
        Assert.All(Training.Scores(model.Transform(Images())), scores => Assert.All(scores, value => Assert.True(float.IsFinite(value))));
    }

    private static SlaTrainer.Options Options()
    {
        var options = Training.Options(SlaObjective.Sla);
        options.Architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"), new OnnxBackboneOptions());
        (options.BackboneTraining, options.Precision) = (BackboneTraining.Frozen, Precision.Float32);
        options.Augmentations = [];
        options.Threads = 1;
        (options.ImageWidth, options.ImageHeight) = (BackboneFile.Side, BackboneFile.Side);
        return options;
    }

    private SlaTransformer Fit(IDataView images, Action<SlaTrainer.Options>? set = null)
    {
        var options = Options();
        set?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
    }

    private IDataView Images(LabelledImage[]? images = null) => Training.Images(_mlContext, images ?? FashionImages.Train(classes: 3, perClass: 24));

    private double Accuracy(SlaTransformer model, IDataView images) => _mlContext.MulticlassClassification.Evaluate(model.Transform(images)).MicroAccuracy;

    private static void AssertEqual(SlaTransformer first, SlaTransformer second)
    {
        foreach (var ((name, _, values), (otherName, _, others)) in first.Model.Weights.Zip(second.Model.Weights))
        {
            Assert.Equal(name, otherName);
            Assert.True(values.AsSpan().SequenceEqual(others), name);
        }
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        foreach (var (want, have) in expected.Zip(actual))
            Assert.Equal(want, have, 1e-3 * Math.Max(1, Math.Abs(want)));
    }
}
