using Microsoft.ML.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Scoring;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Few-shot trainings on a backbone that stays: a linear map of its embeddings.</summary>
public sealed class FrozenFewShotTests : FolderTest
{
    private const int Side = 16;
    private const int Quarter = Side / 2;
    private const int ImagesOfClass = 10;

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly LogMessages _log;

    public FrozenFewShotTests() => _log = new LogMessages(_mlContext);

    [Theory]
    [InlineData(FewShotObjective.Baseline, PrototypeSimilarity.SquaredEuclidean)]
    [InlineData(FewShotObjective.Baseline, PrototypeSimilarity.Cosine)]
    [InlineData(FewShotObjective.Sla, PrototypeSimilarity.SquaredEuclidean)]
    [InlineData(FewShotObjective.Sla, PrototypeSimilarity.Cosine)]
    [InlineData(FewShotObjective.ViewsAsClasses, PrototypeSimilarity.Cosine)]
    public void Other_classes_are_told_apart_better_than_by_the_backbone_alone(FewShotObjective objective, PrototypeSimilarity similarity)
    {
        using var trained = Fit(Classes(0, 12), options => (options.Objective, options.Similarity) = (objective, similarity));
        using var plain = SlaEmbeddingTransformer.FromBackbone(_mlContext, Backbone(), "Image", Side, trained.Transformations);

        // The backbone takes images, and the transformer of vectors has the same graph behind its pixels.
        var novel = Classes(12, 8);
        var (before, after) = (Measure(Rebuilt(plain, trained), novel), Measure(trained, novel));
        Assert.InRange(before.Single.Mean, 0.15, 0.6);
        Assert.InRange(after.Single.Mean, 0.85, 1);
        Assert.InRange(after.Single.Minus(before.Single).Mean, 0.3, 1);
        Assert.InRange(after.Aggregated.Minus(before.Aggregated).Mean, 0.3, 1);
        Assert.InRange(trained.Scale, 1e-3, 1e4);
    }

    [Theory]
    [InlineData(FewShotObjective.Baseline)]
    [InlineData(FewShotObjective.ViewsAsClasses)]
    [InlineData(FewShotObjective.Sla)]
    public void One_seed_gives_one_map_bit_for_bit_and_it_is_read_back_as_it_was(FewShotObjective objective)
    {
        var images = Classes(0, 6);
        using var first = Fit(images, options => options.Objective = objective);
        using var second = Fit(images, options => options.Objective = objective);
        Assert.Equal(Onnx(first), Onnx(second));
        Assert.InRange(first.EmbeddingSize, 1, first.Architecture.EmbeddingSize);

        string path = InFolder("model.zip");
        _mlContext.Model.Save(first, images.Schema, path);
        using var loaded = SlaEmbeddingTransformer.Load(new MLContext(), path);
        Assert.Equal(Onnx(first), Onnx(loaded));
        Assert.Equal((first.Scale, first.EmbeddingSize, first.Views, first.Objective), (loaded.Scale, loaded.EmbeddingSize, loaded.Views, loaded.Objective));
        Assert.Equal(first.TrainingHistory.BestEpoch, loaded.TrainingHistory.BestEpoch);

        float[][] embeddings = Embeddings(first.Transform(images));
        Assert.All(embeddings, vector => Assert.Equal(first.Views * first.EmbeddingSize, vector.Length));
        Assert.Equal(embeddings, Embeddings(loaded.Transform(images)));
        var byMLNet = new MLContext().Model.Load(path, out _);
        Assert.Equal(embeddings, Embeddings(byMLNet.Transform(images)));
        (byMLNet as IDisposable)?.Dispose();
    }

    [Fact]
    public void Embeddings_of_training_images_have_a_mean_of_zero_and_a_mean_squared_length_of_one()
    {
        var images = Classes(0, 6);
        using var embedding = Fit(images);
        float[][] untransformed = [.. Embeddings(embedding.Transform(images)).Select(vector => vector[..embedding.EmbeddingSize])];
        Assert.Equal(1, untransformed.Average(vector => vector.Sum(value => (double)value * value)), 1e-3);
        for (int i = 0; i < embedding.EmbeddingSize; i++)
            Assert.Equal(0, untransformed.Average(vector => (double)vector[i]), 1e-4);
    }

    [Fact]
    public void A_classifier_of_new_classes_is_saved_with_the_map()
    {
        using var embedding = Fit(Classes(0, 8));
        var novel = Classes(12, 3);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedding.Transform(novel));
        var chain = new TransformerChain<ITransformer>(embedding, classifier);
        var scored = chain.Transform(novel);
        Assert.InRange(_mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy, 0.9, 1);
        string path = InFolder("classifier.zip");
        _mlContext.Model.Save(chain, novel.Schema, path);
        var loaded = new MLContext().Model.Load(path, out _);
        Assert.Equal(Training.Scores(scored), Training.Scores(loaded.Transform(novel)));
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void Embeddings_of_the_folder_are_not_computed_again_and_give_the_same_map()
    {
        var images = Classes(0, 6);
        using var whole = Fit(images);
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(images, options =>
        {
            (options.CheckpointFolder, options.CancellationToken) = (InFolder("run"), cancellation.Token);
            options.Observers = [new Observer { Epoch = _ => cancellation.Cancel() }];
        }));
        _log.Clear();
        using var resumed = Fit(images, options => options.CheckpointFolder = InFolder("run"));
        Assert.Contains("240 of 240 views embedded, 0.0 views/s", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(Onnx(whole), Onnx(resumed));

        // Other options take the same embeddings.
        using var other = Fit(images, options => (options.CheckpointFolder, options.Shots) = (InFolder("run"), 1));
        Assert.Single(Directory.GetFiles(InFolder("run"), "embeddings-*.bin"));
    }

    [Fact]
    public void Observers_see_the_embedding_and_each_setting()
    {
        var observer = new Observer();
        using var embedding = Fit(Classes(0, 6), options => options.Observers = [observer]);
        var started = observer.Started!;
        Assert.Equal((6, 60, 36), (started.Classes, started.Images, started.Epochs));
        Assert.True(observer.Embedded > 0);
        Assert.Equal(Enumerable.Range(1, 36), observer.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(started.Steps, observer.Epochs[^1].Step);
        var history = observer.History!;
        Assert.Equal(observer.Epochs.Select(epoch => epoch.Loss), history.Epochs.Select(epoch => epoch.Loss));
        Assert.Equal(history.Epochs.Min(epoch => epoch.Loss), history.KeptEpoch.Loss);
        Assert.Equal(embedding.TrainingHistory.Epochs, history.Epochs);
    }

    [Fact]
    public void Few_classes_take_middle_settings_and_say_so()
    {
        using var embedding = Fit(Classes(0, 3), options => options.Ways = 2);
        Assert.Single(embedding.TrainingHistory.Epochs);
        Assert.Contains("There are 3 classes, too few to hold some out", _log.ToString(), StringComparison.Ordinal);
        Assert.InRange(Measure(embedding, Classes(12, 8)).Single.Mean, 0.6, 1);
    }

    [Fact]
    public void Images_of_a_class_that_are_all_alike_have_a_map()
    {
        var images = Rows(Enumerable.Range(0, 4).SelectMany(label => Enumerable.Repeat(Image(label, new Random(label)), 5)));
        using var embedding = Fit(images, options => (options.Ways, options.Shots, options.Queries) = (2, 1, 1));
        Assert.All(Embeddings(embedding.Transform(images)), vector => Assert.All(vector, value => Assert.True(float.IsFinite(value))));
        Assert.InRange(embedding.Scale, 1e-4, 1e4);
    }

    [Fact]
    public void Weights_of_a_file_are_a_backbone()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Vectors", "resnet8-F32.safetensors");
        using var embedding = Fit(Training.Images(_mlContext, FashionImages.Train(classes: 4, perClass: 6)), options =>
        {
            options.Architecture = Architecture.CifarResNet(depth: 8);
            options.PretrainedPath = path;
            (options.ImageWidth, options.ImageHeight, options.Ways, options.Shots, options.Queries) = (28, 28, 2, 2, 2);
        });
        Assert.InRange(embedding.EmbeddingSize, 1, 64);
        using var network = new SlaNetwork(embedding.Architecture, embedding.ImageShape, [], seed: 1);
        PretrainedWeights.Read(path).LoadInto(network);
        foreach (var (name, _, values) in network.GetWeights())
            Assert.Equal(values, embedding.Model.Weights[name].Values);
    }

    [Fact]
    public void Eight_bits_embed_nearly_as_32_do_and_are_read_back()
    {
        var images = Training.Images(_mlContext, FashionImages.Train(classes: 4, perClass: 6));
        string path = InFolder("model.zip");
        using var embedding = Fit(images, options =>
        {
            options.Architecture = Architecture.FromOnnx(BackboneFile.PathOf("resnet"));
            (options.ImageWidth, options.ImageHeight, options.Precision) = (BackboneFile.Side, BackboneFile.Side, Precision.Int8);
            (options.Ways, options.Shots, options.Queries) = (2, 2, 2);
        });
        Assert.NotNull(embedding.Model.Description.Int8Ranges);
        _mlContext.Model.Save(embedding, images.Schema, path);
        using var loaded = SlaEmbeddingTransformer.Load(_mlContext, path);
        Assert.Equal(Embeddings(embedding.Transform(images)), Embeddings(loaded.Transform(images)));
    }

    [Fact]
    public void A_backbone_that_was_not_trained_is_refused_when_the_trainer_is_made()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            Architecture = Architecture.ConvNet(),
            BackboneTraining = BackboneTraining.Frozen,
        }));
        Assert.Equal(nameof(SlaFewShotTrainer.Options.BackboneTraining), error.ParamName);
        Assert.Contains("Architecture.FromOnnx", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_that_torch_cannot_train_is_refused_before_images_are_read_and_Frozen_takes_it()
    {
        var missing = Training.Images(_mlContext, [new LabelledImage(InFolder("missing.png"), "a"), new LabelledImage(InFolder("missing.png"), "b")]);
        string message = Assert.Throws<InvalidOperationException>(() => Fit(missing, options =>
        {
            (options.Architecture, options.BackboneTraining) = (Backbone("Softsign"), BackboneTraining.Full);
            (options.Ways, options.Shots, options.Queries) = (2, 1, 1);
        })).Message;
        Assert.Contains("is a Softsign", message, StringComparison.Ordinal);
        Assert.Contains("Set BackboneTraining to Frozen", message, StringComparison.Ordinal);
        using var frozen = Fit(Classes(0, 4), options => (options.Architecture, options.Ways) = (Backbone("Softsign"), 2));
        Assert.InRange(frozen.EmbeddingSize, 1, 12);
    }

    [Fact]
    public void Full_training_sees_pixels_as_the_network_was_trained_to()
    {
        using var embedding = Fit(Training.Images(_mlContext, FashionImages.Train(classes: 2, perClass: 3)), options =>
        {
            (options.Architecture, options.BackboneTraining) = (Architecture.FromOnnx(BackboneFile.PathOf("resnet")), BackboneTraining.Full);
            (options.ImageWidth, options.ImageHeight, options.Episodes) = (BackboneFile.Side, BackboneFile.Side, 1);
            (options.Ways, options.Shots, options.Queries) = (2, 1, 1);
        });
        Assert.Equal(PixelNormalization.ImageNet, embedding.Model.Description.Normalization);
    }

    private SlaFewShotTrainer.Options Options() => new()
    {
        FeatureColumnName = "Image",
        BackboneTraining = BackboneTraining.Frozen,
        Architecture = Backbone(),
        ImageWidth = Side,
        ImageHeight = Side,
        Precision = Precision.Float32,
        Ways = 3,
        Shots = 2,
        Queries = 3,
        Episodes = 1_000,
        Seed = 7,
        Threads = 1,
    };

    private SlaEmbeddingTransformer Fit(IDataView images, Action<SlaFewShotTrainer.Options>? set = null)
    {
        var options = Options();
        set?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.SlaFewShot(options).Fit(images);
    }

    private FewShotMetrics Measure(SlaEmbeddingTransformer embedding, IDataView images) =>
        _mlContext.MulticlassClassification.EvaluateFewShot(images, embedding, ways: 5, shots: 1, queries: 5, episodes: 200);

    /// <summary>A network whose embedding is the mean of each channel in each quarter of an image: 12 values.</summary>
    private Architecture Backbone(string? activation = null)
    {
        var graph = new OnnxGraph("quarters");
        string value = graph.Input("images", OnnxType.Float, OnnxGraph.AnySize, 3, Side, Side);
        if (activation is not null)
            value = graph.Node(activation, [value]);
        long[] sides = [Quarter, Quarter];
        value = graph.Node("Flatten", [graph.Node("AveragePool", [value], ("kernel_shape", sides), ("strides", sides))], ("axis", 1));
        graph.Output("embedding", value, OnnxType.Float, OnnxGraph.AnySize, 12);
        string path = InFolder("quarters.onnx");
        File.WriteAllBytes(path, graph.ToBytes());
        return Architecture.FromOnnx(path);
    }

    private IDataView Classes(int first, int count)
    {
        var random = new Random(first);
        return Rows(Enumerable.Range(first, count).SelectMany(label => Enumerable.Range(0, ImagesOfClass).Select(_ => Image(label, random))));
    }

    /// <summary>An image whose red and green are of any brightness, quarter by quarter. The class decides about small differences in blue.</summary>
    private static PixelRow Image(int label, Random random)
    {
        var ofClass = new Random(label + 100);
        byte[] levels = [.. Enumerable.Range(0, 12).Select(value => (byte)(value < 8 ? random.Next(20, 236) : 118 + ofClass.Next(20) + random.Next(3)))];
        return new PixelRow
        {
            Label = $"{label}",
            Image = [.. Enumerable.Range(0, 3 * Side * Side).Select(i => levels[(4 * (i / (Side * Side))) + (2 * (i % (Side * Side) / Side / Quarter)) + (i % Side / Quarter)])],
        };
    }

    private IDataView Rows(IEnumerable<PixelRow> rows)
    {
        var definition = SchemaDefinition.Create(typeof(PixelRow));
        definition[nameof(PixelRow.Image)].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, 3 * Side * Side);
        var data = _mlContext.Data.LoadFromEnumerable([.. rows], definition);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
    }

    /// <summary>The backbone's own embedding for the column of another.</summary>
    private SlaEmbeddingTransformer Rebuilt(SlaEmbeddingTransformer plain, SlaEmbeddingTransformer trained)
    {
        var description = plain.Model.Description with { Features = trained.Model.Description.Features, Objective = trained.Objective };
        var model = new FewShot.EmbeddingModel(description, plain.Model.Weights);
        return new SlaEmbeddingTransformer(_mlContext, model, trained.Inference);
    }

    private static float[][] Embeddings(IDataView embedded) => [.. embedded.GetColumn<float[]>("Embedding")];

    private byte[] Onnx(SlaEmbeddingTransformer model)
    {
        string path = InFolder("model.onnx");
        model.SaveOnnx(path);
        return File.ReadAllBytes(path);
    }

    private sealed class PixelRow
    {
        public string Label { get; set; } = "";

        public byte[] Image { get; set; } = [];
    }

    private sealed class Observer : ITrainingObserver
    {
        public Action<TrainingProgress>? Epoch { get; init; }

        public TrainingStarted? Started { get; private set; }

        public long Embedded { get; private set; }

        public List<TrainingProgress> Epochs { get; } = [];

        public TrainingHistory? History { get; private set; }

        public void OnStart(TrainingStarted plan) => Started = plan;

        public void OnEmbedding(EmbeddingProgress progress) => Embedded++;

        public void OnEpochEnd(TrainingProgress metrics)
        {
            Epochs.Add(metrics);
            Epoch?.Invoke(metrics);
        }

        public void OnEnd(TrainingHistory history) => History = history;
    }
}
