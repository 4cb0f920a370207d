using Microsoft.ML.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Few-shot training on real images, its embeddings, and classifiers by prototypes.</summary>
public sealed class FewShotTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void Classes_that_were_not_trained_on_are_told_apart_well_above_chance()
    {
        // Six classes are trained on, and the other four of the test half are measured.
        var options = Options();
        options.Episodes = 100;
        options.Ways = 5;
        options.Architecture = Architecture.ConvNet(16);
        using var embedding = Fit(options, Training.Images(_mlContext, classes: 6, perClass: 60));
        var others = Training.Images(_mlContext, FashionImages.Test(classes: 10, perClass: 30).Skip(6 * 30));

        var metrics = _mlContext.MulticlassClassification.EvaluateFewShot(others, embedding, [(4, 1), (4, 5)], queries: 5, episodes: 100);
        Assert.InRange(metrics[0].Aggregated.Mean, 0.45, 1);
        Assert.InRange(metrics[1].Aggregated.Mean, metrics[0].Aggregated.Mean, 1);
        Assert.InRange(metrics[1].Aggregated.Minus(metrics[1].Single).Mean, -0.2, 0.2);
        Assert.InRange(metrics[1].Aggregated.HalfWidth, 0.001, 0.05);
    }

    [Theory]
    [InlineData(FewShotObjective.Baseline)]
    [InlineData(FewShotObjective.ViewsAsClasses)]
    [InlineData(FewShotObjective.Sla)]
    public void One_seed_gives_one_network_bit_for_bit_and_it_is_read_back_as_it_was(FewShotObjective objective)
    {
        var options = Options();
        options.Objective = objective;
        options.Similarity = PrototypeSimilarity.Cosine;
        var images = Training.Images(_mlContext);
        using var first = Fit(options, images);
        using var second = Fit(options, images);
        options.Seed++;
        using var other = Fit(options, images);
        Assert.Equal(Onnx(first), Onnx(second));
        Assert.NotEqual(Onnx(first), Onnx(other));

        Assert.NotEqual(10f, first.Scale);
        string path = InFolder("model.zip");
        _mlContext.Model.Save(first, images.Schema, path);
        using var loaded = SlaEmbeddingTransformer.Load(new MLContext(), path);
        Assert.Equal(Onnx(first), Onnx(loaded));
        Assert.Equal(
            (first.Scale, first.Similarity, first.Objective, first.Transformations.Name, first.Inference, first.Views),
            (loaded.Scale, loaded.Similarity, loaded.Objective, loaded.Transformations.Name, loaded.Inference, loaded.Views));
        Assert.Equal(Embeddings(first, images), Embeddings(loaded, images));
        Assert.Equal(objective == FewShotObjective.Baseline ? 1 : 4, first.Transformations.Count);
        Assert.All(Embeddings(first, images), vector => Assert.Equal(first.Views * first.EmbeddingSize, vector.Length));
    }

    [Fact]
    public void A_last_update_that_spoils_the_embedding_is_an_error()
    {
        var options = Options();
        (options.Episodes, options.LearningRate) = (1, 1e30);
        var error = Assert.Throws<InvalidOperationException>(() => Fit(options, Training.Images(_mlContext)));
        Assert.Contains("are no longer numbers", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none", 1)]
    [InlineData("rotation", 1)]
    [InlineData("rotation", 3)]
    public void Embeddings_in_ONNX_Runtime_are_those_of_torch_view_by_view(string set, int channels)
    {
        TorchLibrary.EnsureLoaded();
        var transformations = set == "none" ? TransformationSet.None : TransformationSet.Rotation;
        var shape = new ImageShape(channels, 16, 16);
        using var scope = NewDisposeScope();
        using var network = new SlaNetwork(Architecture.ConvNet(8), shape, [], seed: 3, scale: 1);
        using var views = new ViewAugmenter(transformations, shape, CPU);
        using var loader = new Data.BatchLoader(shape, PixelNormalization.ImageNet, CPU);
        for (int pass = 0; pass < 3; pass++)
            network.forward(views.Images(rand(4, shape.Length)));
        network.eval();
        var description = new EmbeddingDescription(
            FewShotObjective.Sla,
            PrototypeSimilarity.Cosine,
            2,
            Architecture.ConvNet(8),
            transformations,
            new Data.FeatureColumn("Pixels", Data.FeatureKind.Bytes, shape, default, 255),
            PixelNormalization.ImageNet,
            "Embedding",
            "0.1.0");
        var model = new EmbeddingModel(description, network.GetWeights());
        byte[] pixels = new byte[shape.Length];
        new Random(1).NextBytes(pixels);
        var data = _mlContext.Data.LoadFromEnumerable([new PixelRow { Pixels = pixels }], PixelSchema(shape));
        TorchSharp.torch.Tensor images = loader.Normalize(tensor(Array.ConvertAll(pixels, value => (float)value), [1, channels, 16, 16]));

        float[] expected = network.forward(views.Views(images)).flatten().data<float>().ToArray();
        using var embedding = new SlaEmbeddingTransformer(_mlContext, model, SlaInference.Aggregated);
        Assert.Equal(transformations.Count * 8, expected.Length);
        Assert.InRange(Training.LargestDifference([expected], Embeddings(embedding, data)), 0, 1e-4);

        using var single = embedding.WithInference(SlaInference.Single);
        Assert.InRange(Training.LargestDifference([expected[..8]], Embeddings(single, data)), 0, 1e-4);
        Assert.Throws<ArgumentOutOfRangeException>(() => embedding.WithInference(SlaInference.Distilled));
    }

    [Fact]
    public void Interrupted_at_any_step_it_goes_on_to_the_same_network()
    {
        var images = Training.Images(_mlContext);
        var options = Options();
        options.Episodes = 12;
        using var whole = Fit(options, images);

        using var cancellation = new CancellationTokenSource();
        options.CheckpointFolder = InFolder("run");
        options.CheckpointSteps = 5;
        options.CancellationToken = cancellation.Token;
        options.Observers = [new AtCheckpoint(cancellation.Cancel)];
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(options, images));
        Assert.Equal(5, new CheckpointFile(InFolder("run")).ReadHeader().Step);

        var again = Options();
        again.Episodes = 12;
        again.CheckpointFolder = InFolder("run");
        Assert.Contains("Resume", Assert.Throws<InvalidOperationException>(() => Fit(again, images)).Message, StringComparison.Ordinal);
        again.Resume = true;
        using var resumed = Fit(again, images);
        Assert.Equal(Onnx(whole), Onnx(resumed));

        again.Ways = 2;
        Assert.Contains("Ways = 3", Assert.Throws<InvalidOperationException>(() => Fit(again, images)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Episodes_of_the_last_epoch_may_be_fewer_and_all_are_counted()
    {
        var options = Options();
        options.Episodes = 130;
        options.Ways = 2;
        options.Shots = options.Queries = 1;
        options.Architecture = Architecture.ConvNet(2);
        using var embedding = Fit(options, Training.Images(_mlContext, classes: 3, perClass: 4));
        Assert.Equal([100L, 130L], embedding.TrainingHistory.Epochs.Select(epoch => epoch.Step));
    }

    [Fact]
    public void A_pipeline_is_saved_and_scores_the_same_when_ML_NET_alone_loads_it()
    {
        var images = Training.Images(_mlContext, classes: 4, perClass: 12);
        using var embedding = Fit(Options(), images);
        var embedded = embedding.Transform(images);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedded);
        var chain = new TransformerChain<ITransformer>(embedding, classifier);
        var scored = chain.Transform(images);
        string path = InFolder("model.zip");
        _mlContext.Model.Save(chain, images.Schema, path);

        var loaded = new MLContext().Model.Load(path, out _);
        var again = loaded.Transform(images);
        Assert.Equal(Training.Scores(scored), Training.Scores(again));
        Assert.Equal(scored.GetColumn<uint>("PredictedLabel"), again.GetColumn<uint>("PredictedLabel"));
        VBuffer<ReadOnlyMemory<char>> names = default;
        again.Schema["PredictedLabel"].GetKeyValues(ref names);
        Assert.Equal(classifier.ClassNames, names.DenseValues().Select(name => name.ToString()));
        again.Schema["Score"].GetSlotNames(ref names);
        Assert.Equal(classifier.ClassNames, names.DenseValues().Select(name => name.ToString()));
        Assert.InRange(_mlContext.MulticlassClassification.Evaluate(again).MicroAccuracy, 0.5, 1);
        (loaded as IDisposable)?.Dispose();

        using var classifierAgain = PrototypeTransformer.Load(_mlContext, path);
        Assert.Equal(Onnx(classifier), Onnx(classifierAgain));
    }

    [Theory]
    [InlineData(PrototypeSimilarity.SquaredEuclidean)]
    [InlineData(PrototypeSimilarity.Cosine)]
    public void Predictions_are_those_of_the_nearest_prototype_by_hand(PrototypeSimilarity similarity)
    {
        var options = Options();
        options.Similarity = similarity;
        var images = Training.Images(_mlContext, classes: 4, perClass: 12);
        using var embedding = Fit(options, images);
        var embedded = embedding.Transform(images);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedded);

        float[][] vectors = Embeddings(embedding, images);
        uint[] labels = [.. images.GetColumn<uint>("Label")];
        int size = embedding.EmbeddingSize;
        double[][] prototypes = [.. Enumerable.Range(1, 4).Select(label => Enumerable.Range(0, vectors[0].Length)
            .Select(i => vectors.Where((_, row) => labels[row] == label).Average(vector => (double)vector[i])).ToArray())];
        float[][] expected = [.. vectors.Select(vector =>
        {
            double[] logits = [.. prototypes.Select(prototype => embedding.Scale / embedding.Views * Enumerable.Range(0, embedding.Views)
                .Sum(view => Similarity([.. vector.Skip(view * size).Take(size)], prototype[(view * size)..((view + 1) * size)])))];
            double[] powers = [.. logits.Select(logit => Math.Exp(logit - logits.Max()))];
            return powers.Select(power => (float)(power / powers.Sum())).ToArray();
        })];

        var scored = classifier.Transform(embedded);
        Assert.InRange(Training.LargestDifference(expected, Training.Scores(scored)), 0, 1e-4);
        Assert.Equal(expected.Select(scores => (uint)Array.IndexOf(scores, scores.Max()) + 1), scored.GetColumn<uint>("PredictedLabel"));

        double Similarity(float[] query, double[] prototype) => similarity == PrototypeSimilarity.SquaredEuclidean
            ? -query.Zip(prototype, (q, p) => (q - p) * (q - p)).Sum()
            : query.Zip(prototype, (q, p) => q * p).Sum() / Math.Sqrt(query.Sum(q => (double)q * q) * prototype.Sum(p => p * p));
    }

    [Fact]
    public void Classes_come_and_go_without_changing_what_is_said_of_the_others()
    {
        var images = Training.Images(_mlContext, classes: 3, perClass: 12);
        using var embedding = Fit(Options(), images);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedding.Transform(images));
        var shoes = Files(FashionImages.Train(classes: 10, perClass: 3).Where(image => image.Label == "sandal").Take(1));
        var queries = embedding.Transform(images);

        using var more = classifier.WithClass("sandal", embedding.Transform(shoes));
        using var fewer = more.WithoutClass(classifier.ClassNames[1]);
        Assert.Equal([.. classifier.ClassNames, "sandal"], more.ClassNames);
        Assert.Equal([classifier.ClassNames[0], classifier.ClassNames[2], "sandal"], fewer.ClassNames);

        // Logits are only known up to a constant, so those of two classes are compared.
        foreach (var (before, with, without) in Training.Scores(classifier.Transform(queries)).Zip(Training.Scores(more.Transform(queries)), Training.Scores(fewer.Transform(queries))))
        {
            Assert.Equal(Math.Log(before[0] / before[2]), Math.Log(with[0] / with[2]), 1e-4);
            Assert.Equal(Math.Log(before[0] / before[2]), Math.Log(without[0] / without[1]), 1e-4);
        }

        // One image is a class: it is its own prototype.
        var named = _mlContext.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel");
        var said = more.Transform(embedding.Transform(shoes));
        Assert.Equal(["sandal"], named.Fit(said).Transform(said).GetColumn<string>("Name"));

        using var back = more.WithoutClass("sandal");
        Assert.Equal(Onnx(classifier), Onnx(back));
    }

    [Fact]
    public void What_cannot_be_a_class_is_refused_with_its_reason()
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 12);
        using var embedding = Fit(Options(ways: 2), images);
        var embedded = embedding.Transform(images);
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedded);
        string[] names = [.. classifier.ClassNames];

        Assert.Contains($"'{names[0]}' already", Message(() => classifier.WithClass(names[0], embedded)), StringComparison.Ordinal);
        Assert.Contains("no rows of the class 'new'", Message(() => classifier.WithClass("new", _mlContext.Data.SkipRows(embedded, 100))), StringComparison.Ordinal);
        Assert.Contains("'Embedding'", Message(() => classifier.WithClass("new", images)), StringComparison.Ordinal);
        Assert.Contains($"{names[0]}, {names[1]}", Message(() => classifier.WithoutClass("new")), StringComparison.Ordinal);
        using var one = classifier.WithoutClass(names[0]);
        Assert.Contains("only class", Message(() => one.WithoutClass(names[1])), StringComparison.Ordinal);
        using var single = embedding.WithInference(SlaInference.Single);
        Assert.Contains("8 values", Message(() => classifier.WithClass("new", single.Transform(images))), StringComparison.Ordinal);

        var first = _mlContext.Data.TakeRows(embedded, 12);
        string missing = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(first)).Message;
        Assert.Contains($"'{names[1]}'", missing, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_that_are_numbers_stay_numbers()
    {
        var rows = _mlContext.Data.LoadFromEnumerable([new NumberRow { Label = 7, Embedding = [0, 1] }, new NumberRow { Label = 3, Embedding = [1, 0] }]);
        var keyed = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        using var two = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(new PrototypeClassifier.Options()).Fit(keyed);
        using var three = two.WithClass("11", _mlContext.Data.LoadFromEnumerable([new NumberRow { Embedding = [5, 5] }]));
        var scored = three.Transform(_mlContext.Data.LoadFromEnumerable([new NumberRow { Embedding = [4, 4] }, new NumberRow { Embedding = [0, 1] }]));

        Assert.Equal([11, 7], _mlContext.Transforms.Conversion.MapKeyToValue("Value", "PredictedLabel").Fit(scored).Transform(scored).GetColumn<int>("Value"));
        Assert.Contains("Int32", Message(() => two.WithClass("eleven", rows)), StringComparison.Ordinal);
        Assert.Contains("a class '7' already", Message(() => two.WithClass("07", rows)), StringComparison.Ordinal);
        using var again = two.WithClass("011", rows);
        Assert.Equal("11", again.ClassNames[2]);
    }

    [Fact]
    public void Too_few_images_or_classes_are_an_error_before_images_are_decoded()
    {
        var images = FashionImages.Train(classes: 4, perClass: 8).Where(image => image.Label != "bag").ToList();
        string scarce = images[0].Label;
        var broken = images.Skip(4).Append(new LabelledImage(InFolder("missing.png"), images[^1].Label));
        string message = Assert.Throws<InvalidOperationException>(() => Fit(Options(), Files(broken))).Message;
        Assert.Contains($"'{scarce}' has 4 images", message, StringComparison.Ordinal);
        Assert.Contains("Shots 2 and Queries 3", message, StringComparison.Ordinal);

        message = Assert.Throws<InvalidOperationException>(() => Fit(Options(ways: 9), Files(images))).Message;
        Assert.Contains("Lower Ways", message, StringComparison.Ordinal);
        var options = Options(ways: 9);
        options.Objective = FewShotObjective.ViewsAsClasses;
        options.Episodes = 1;
        Fit(options, Files(images)).Dispose();

        using var embedding = Fit(Options(), Files(images));
        message = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.EvaluateFewShot(Files(images), embedding, ways: 3, shots: 5)).Message;
        Assert.Contains("Shots 5 and Queries 15", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_cannot_be_are_named()
    {
        foreach (var (option, set) in new (string, Action<SlaFewShotTrainer.Options>)[]
        {
            ("Ways", o => o.Ways = 1), ("Shots", o => o.Shots = 0), ("Queries", o => o.Queries = 0), ("Episodes", o => o.Episodes = 0),
            ("InitialScale", o => o.InitialScale = 0), ("Augmentations", o => o.Augmentations = [ImageAugmentation.Mixup()]), ("Channels", o => o.Channels = 2),
        })
        {
            var options = Options();
            set(options);
            Assert.Equal(option, Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.SlaFewShot(options)).ParamName);
        }
    }

    [Fact]
    public void Intervals_are_those_computed_by_hand()
    {
        var mean = new EpisodeMean([0.5, 0.7, 0.9, 0.7]);
        Assert.Equal(0.7, mean.Mean, 1e-12);

        // Squared deviations 0.04, 0, 0.04, 0; their sum over 3, over 4, has the root 0.08165.
        Assert.Equal(1.96 * Math.Sqrt(0.08 / 3 / 4), mean.HalfWidth, 1e-12);
        var difference = mean.Minus(new EpisodeMean([0.4, 0.5, 0.8, 0.8]));
        Assert.Equal(0.075, difference.Mean, 1e-12);
        Assert.Equal(1.96 * Math.Sqrt(((0.025 * 0.025 * 2) + (0.125 * 0.125) + (0.175 * 0.175)) / 3 / 4), difference.HalfWidth, 1e-12);
    }

    [Fact]
    public void An_interval_of_one_episode_or_of_other_episodes_is_refused()
    {
        Assert.Contains("there are 1", Message(() => _ = new EpisodeMean([0.5])), StringComparison.Ordinal);
        Assert.Contains("2 episodes here and 3 there", Message(() => new EpisodeMean([0.5, 0.7]).Minus(new EpisodeMean([0.5, 0.7, 0.9]))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_classifier_announces_the_columns_that_it_adds_and_refuses_what_is_no_embedding()
    {
        var rows = _mlContext.Data.LoadFromEnumerable([new NumberRow { Label = 7, Embedding = [0, 1] }, new NumberRow { Label = 3, Embedding = [1, 0] }]);
        var keyed = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        var trainers = _mlContext.MulticlassClassification.Trainers;
        var classifier = trainers.PrototypeClassifier(new PrototypeClassifier.Options());
        using var fitted = classifier.Fit(keyed);

        var announced = classifier.GetOutputSchema(MLNetInternals.ShapeOf(keyed.Schema));
        var added = MLNetInternals.ShapeOf(fitted.GetOutputSchema(keyed.Schema));
        foreach (string name in new[] { "Score", "PredictedLabel" })
        {
            var (expected, column) = (added.Single(c => c.Name == name), announced.Single(c => c.Name == name));
            Assert.Equal((expected.Kind, expected.ItemType, expected.IsKey), (column.Kind, column.ItemType, column.IsKey));
        }

        var ofLabels = trainers.PrototypeClassifier(new PrototypeClassifier.Options { EmbeddingColumnName = "Label" });
        Assert.Contains("Give the column that an SlaEmbeddingTransformer adds", Message(() => ofLabels.Fit(keyed)), StringComparison.Ordinal);
    }

    [Fact]
    public void Random_embeddings_are_at_chance_level_and_episodes_hold_what_they_should()
    {
        var random = new Random(1);
        List<(int Label, float[] Values)> rows = [.. Enumerable.Range(0, 400).Select(i => (i % 20, Enumerable.Range(0, 8).Select(_ => random.NextSingle()).ToArray()))];
        foreach (var similarity in Enum.GetValues<PrototypeSimilarity>())
        {
            var metrics = new EpisodeEvaluator(rows, views: 4, similarity).Measure(new EpisodeShape(5, 1, 15), episodes: 600, seed: 1);
            Assert.InRange(metrics.Single.Mean, 0.18, 0.22);
            Assert.InRange(metrics.Aggregated.Mean, 0.18, 0.22);
        }

        var shape = new EpisodeShape(Ways: 6, Shots: 2, Queries: 3);
        var plain = new EpisodeDraw(shape, rows.Select((row, number) => (number, row.Label)));
        var pairs = new EpisodeDraw(shape, rows.Select((row, number) => (number, row.Label)), waysPerClass: 4);
        bool classesRecur = false;
        for (int episode = 0; episode < 50; episode++)
        {
            Assert.Equal(shape.Images, plain.Next(random).Distinct().Count());
            int[][] ways = [.. pairs.Next(random).Chunk(shape.ImagesPerWay)];
            Assert.All(ways, way => Assert.Single(way.Select(row => rows[row].Label).Distinct()));
            Assert.All(ways, way => Assert.Equal(shape.ImagesPerWay, way.Distinct().Count()));
            classesRecur |= ways.Select(way => rows[way[0]].Label).Distinct().Count() < shape.Ways;
        }

        Assert.True(classesRecur);
    }

    [Fact]
    public void Views_as_classes_gives_each_way_one_view_and_ways_of_a_class_different_ones()
    {
        TorchLibrary.EnsureLoaded();
        var objective = new PrototypicalObjective(FewShotObjective.ViewsAsClasses, new EpisodeShape(4, 1, 1), views: 3, PrototypeSimilarity.Cosine);
        using var labels = tensor(new long[] { 5, 5, 2, 2, 5, 5, 5, 5 });
        var seen = new HashSet<long>();
        for (int seed = 0; seed < 20; seed++)
        {
            using var draw = objective.Draw(labels, objective.ViewsPerStep, new Random(seed));
            long[] views = draw.Numbers.data<long>().ToArray();
            Assert.Equal(views.Where((_, i) => i % 2 == 0), views.Where((_, i) => i % 2 == 1));
            Assert.Equal([0, 1, 2], new[] { views[0], views[4], views[6] }.Order());
            seen.Add(views[2]);
        }

        Assert.Equal(3, seen.Count);
    }

    private static SlaFewShotTrainer.Options Options(int ways = 3) => new()
    {
        FeatureColumnName = "Image",
        Channels = 1,
        Architecture = Architecture.ConvNet(8),
        Ways = ways,
        Shots = 2,
        Queries = 3,
        Episodes = 8,
        Augmentations = [ImageAugmentation.RandomCrop(2)],
        Seed = 7,
        Device = SlaDevice.Cpu,
        Threads = 1,
    };

    private SlaEmbeddingTransformer Fit(SlaFewShotTrainer.Options options, IDataView images) =>
        _mlContext.MulticlassClassification.Trainers.SlaFewShot(options).Fit(images);

    private IDataView Files(IEnumerable<LabelledImage> images) => Training.Images(_mlContext, images);

    private static float[][] Embeddings(SlaEmbeddingTransformer embedding, IDataView images) =>
        [.. embedding.Transform(images).GetColumn<float[]>(embedding.EmbeddingColumnName)];

    private byte[] Onnx(ScoringTransformer model)
    {
        string path = InFolder("model.onnx");
        model.SaveOnnx(path);
        return File.ReadAllBytes(path);
    }

    private static string Message(Action action) => Assert.ThrowsAny<ArgumentException>(action).Message;

    private static SchemaDefinition PixelSchema(ImageShape shape)
    {
        var definition = SchemaDefinition.Create(typeof(PixelRow));
        definition[0].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, shape.Length);
        return definition;
    }

    private sealed class PixelRow
    {
        public byte[] Pixels { get; set; } = [];
    }

    private sealed class NumberRow
    {
        public int Label { get; set; }

        [VectorType(2)]
        public float[] Embedding { get; set; } = [];
    }

    private sealed class AtCheckpoint(Action act) : ITrainingObserver
    {
        public void OnCheckpoint(string path, long stepsDone) => act();
    }
}
