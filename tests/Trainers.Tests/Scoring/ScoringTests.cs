using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>One trained model scores the same wherever it scores.</summary>
public sealed class ScoringTests : IClassFixture<ScoringTests.TrainedFixture>
{
    private readonly TrainedFixture _trained;

    public ScoringTests(TrainedFixture trained) => _trained = trained;

    public static TheoryData<SlaInference> Inferences => [SlaInference.Single, SlaInference.Aggregated, SlaInference.Distilled];

    [Theory]
    [MemberData(nameof(Inferences))]
    public void Saved_and_loaded_it_scores_the_same(SlaInference inference)
    {
        using var model = _trained.Model.WithInference(inference);
        string path = _trained.PathOf($"{inference}.zip");
        _trained.MLContext.Model.Save(model, _trained.Test.Schema, path);

        var loaded = new MLContext().Model.Load(path, out _);
        Assert.Equal(Training.Scores(model.Transform(_trained.Test)), Training.Scores(loaded.Transform(_trained.Test)));
        (loaded as IDisposable)?.Dispose();
    }

    [Theory]
    [MemberData(nameof(Inferences))]
    public void Read_back_it_scores_the_same_in_every_mode(SlaInference inference)
    {
        string path = _trained.PathOf($"back-{inference}.zip");
        using var distilled = _trained.Model.WithInference(SlaInference.Distilled);
        _trained.MLContext.Model.Save(distilled, _trained.Test.Schema, path);

        using var loaded = SlaTransformer.Load(new MLContext(), path);
        Assert.Equal(SlaInference.Distilled, loaded.Inference);
        Assert.Equal(_trained.Model.ClassNames, loaded.ClassNames);
        using var a = loaded.WithInference(inference);
        using var b = _trained.Model.WithInference(inference);
        Assert.Equal(Training.Scores(b.Transform(_trained.Test)), Training.Scores(a.Transform(_trained.Test)));
    }

    [Theory]
    [MemberData(nameof(Inferences))]
    public void A_plain_ONNX_Runtime_session_scores_the_same(SlaInference inference)
    {
        using var model = _trained.Model.WithInference(inference);
        string path = _trained.PathOf($"{inference}.onnx");
        model.SaveOnnx(path);
        using var session = new InferenceSession(path);
        var store = _trained.ReadTestPixels();
        var scores = Enumerable.Range(0, store.Count).Select(row =>
        {
            float[] pixels = Array.ConvertAll(store.Pixels(row).ToArray(), b => (float)b);
            var input = NamedOnnxValue.CreateFromTensor("Sla.Pixels", new DenseTensor<float>(pixels, [1, pixels.Length]));
            using var results = session.Run([input], ["Score"]);
            return results[0].AsTensor<float>().ToArray();
        });
        Assert.InRange(Training.LargestDifference(Training.Scores(model.Transform(_trained.Test)), scores), 0, 1e-5);
    }

    [Theory]
    [InlineData(SlaInference.Single, null)]
    [InlineData(SlaInference.Aggregated, null)]
    [InlineData(SlaInference.Distilled, null)]
    [InlineData(SlaInference.Aggregated, 1)]
    [InlineData(SlaInference.Distilled, 1)]
    public void An_exported_graph_scores_a_batch_the_same(SlaInference inference, int? batchSize)
    {
        using var model = _trained.Model.WithInference(inference);
        string path = _trained.PathOf($"batch-{inference}-{batchSize}.onnx");
        model.ExportOnnx(path, batchSize);
        using var session = new InferenceSession(path);
        var shape = model.ImageShape;
        var store = _trained.ReadTestPixels();
        var scores = Enumerable.Range(0, store.Count).Chunk(batchSize ?? store.Count - 1).SelectMany(rows =>
        {
            float[] pixels = [.. rows.SelectMany(row => store.Pixels(row).ToArray()).Select(value => (float)value)];
            var input = NamedOnnxValue.CreateFromTensor("Images", new DenseTensor<float>(pixels, [rows.Length, shape.Channels, shape.Height, shape.Width]));
            using var results = session.Run([input], ["Score"]);
            return results[0].AsTensor<float>().ToArray().Chunk(model.ClassNames.Count).ToList();
        });
        Assert.InRange(Training.LargestDifference(Training.Scores(model.Transform(_trained.Test)), scores), 0, 1e-5);
    }

    [Fact]
    public void A_batch_of_no_images_cannot_be_exported() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _trained.Model.ExportOnnx(_trained.PathOf("none.onnx"), batchSize: 0));

    [Theory]
    [MemberData(nameof(Inferences))]
    public void TorchSharps_forward_pass_scores_the_same(SlaInference inference)
    {
        using var model = _trained.Model.WithInference(inference);
        var trained = model.Model;
        var shape = trained.Description.Features.Shape;
        using var network = new SlaNetwork(trained.Description.Architecture, shape, trained.Objective.Heads, seed: 0);
        network.SetWeights(trained.Weights);
        using var views = new ViewAugmenter(trained.Description.Transformations, shape, TorchSharp.torch.CPU);
        var store = _trained.ReadTestPixels();
        using var loader = new BatchLoader(shape, trained.Description.Normalization, TorchSharp.torch.CPU);
        var validation = new NetworkScorer(network, trained.Objective, views, loader);

        using var images = store.Open([.. Enumerable.Range(0, store.Count)]);
        var (logits, labels) = validation.ClassLogits(images, store.Count, trained.Objective.ReadoutOf(inference));
        using var probabilities = logits.softmax(1);
        var scores = probabilities.data<float>().ToArray().Chunk(model.ClassNames.Count);
        Assert.InRange(Training.LargestDifference(Training.Scores(model.Transform(_trained.Test)), scores), 0, 1e-4);
        logits.Dispose();
        labels.Dispose();
    }

    [Fact]
    public void PredictionEngine_scores_the_same()
    {
        var naming = _trained.MLContext.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel").Fit(_trained.Model.Transform(_trained.Test));
        var loading = _trained.MLContext.Transforms.LoadImages("Image", "", "ImagePath").Fit(_trained.MLContext.Data.LoadFromEnumerable(_trained.Files));
        using var engine = _trained.MLContext.Model.CreatePredictionEngine<LabelledImage, Prediction>(
            new TransformerChain<ITransformer>(loading, _trained.Model, naming), new PredictionEngineOptions { OwnsTransformer = false });

        var predictions = _trained.Files.Select(file => engine.Predict(file)).ToList();
        var scored = naming.Transform(_trained.Model.Transform(_trained.Test));
        Assert.InRange(Training.LargestDifference(Training.Scores(scored), predictions.Select(p => p.Score)), 0, 1e-5);
        Assert.Equal(scored.GetColumn<string>("Name"), predictions.Select(p => p.Name));
    }

    [Fact]
    public void Score_and_PredictedLabel_carry_the_class_names()
    {
        var schema = _trained.Model.GetOutputSchema(_trained.Test.Schema);
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["Score"].GetSlotNames(ref names);
        Assert.Equal(_trained.Model.ClassNames, names.DenseValues().Select(n => n.ToString()));
        schema["PredictedLabel"].GetKeyValues(ref names);
        Assert.Equal(_trained.Model.ClassNames, names.DenseValues().Select(n => n.ToString()));
        Assert.DoesNotContain(schema, column => column.Name.StartsWith("Sla.", StringComparison.Ordinal) && !column.IsHidden);
    }

    [Fact]
    public void ViewScores_are_what_the_aggregated_score_is_made_of()
    {
        using var aggregated = _trained.Model.WithInference(SlaInference.Aggregated);
        using var model = aggregated.WithViewScores();
        string path = _trained.PathOf("views.zip");
        _trained.MLContext.Model.Save(model, _trained.Test.Schema, path);
        var loaded = new MLContext().Model.Load(path, out _);
        var scored = loaded.Transform(_trained.Test);

        // The softmax of mean logits is the normalised geometric mean of the views' probabilities.
        int classes = model.ClassNames.Count;
        var expected = scored.GetColumn<float[]>("ViewScores").Select(values =>
        {
            double[] means = [.. Enumerable.Range(0, classes).Select(i => Math.Exp(values.Chunk(classes).Average(view => Math.Log(view[i]))))];
            return Array.ConvertAll(means, mean => (float)(mean / means.Sum()));
        });
        Assert.InRange(Training.LargestDifference(expected, Training.Scores(scored)), 0, 1e-5);
        Assert.Equal(Training.Scores(aggregated.Transform(_trained.Test)), Training.Scores(scored));

        Assert.Equal([4, classes], ((VectorDataViewType)scored.Schema["ViewScores"].Type).Dimensions);
        VBuffer<ReadOnlyMemory<char>> names = default;
        scored.Schema["ViewScores"].GetSlotNames(ref names);
        Assert.Equal($"{model.ClassNames[1]} @ 90°", names.GetItemOrDefault(classes + 1).ToString());
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void Evaluate_agrees_with_counting()
    {
        var scored = _trained.Model.Transform(_trained.Test);
        var metrics = _trained.MLContext.MulticlassClassification.Evaluate(scored);
        double counted = scored.GetColumn<uint>("Label").Zip(scored.GetColumn<uint>("PredictedLabel")).Average(p => p.First == p.Second ? 1.0 : 0.0);
        Assert.Equal(counted, metrics.MicroAccuracy, 1e-9);
    }

    [Fact]
    public void It_has_learned() =>
        Assert.InRange(_trained.MLContext.MulticlassClassification.Evaluate(_trained.Model.Transform(_trained.Test)).MicroAccuracy, 0.6, 1);

    [Fact]
    public void Images_of_another_size_are_resized()
    {
        var large = _trained.MLContext.Transforms.ResizeImages("Image", 56, 56, "Image").Fit(_trained.Test).Transform(_trained.Test);
        Assert.Equal(_trained.Files.Length, Training.Scores(_trained.Model.Transform(large)).Length);
    }

    [Fact]
    public void A_file_without_an_SLA_model_is_refused()
    {
        string path = _trained.PathOf("other.zip");
        var other = _trained.MLContext.Transforms.CopyColumns("Copy", "Label").Fit(_trained.Test);
        _trained.MLContext.Model.Save(other, _trained.Test.Schema, path);
        Assert.Contains("holds no SLA model", Assert.Throws<InvalidDataException>(() => SlaTransformer.Load(_trained.MLContext, path)).Message, StringComparison.Ordinal);
        File.WriteAllText(path, "not a zip");
        Assert.Contains("other.zip", Assert.Throws<InvalidDataException>(() => SlaTransformer.Load(_trained.MLContext, path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_GPU_that_is_not_there_is_an_error_of_the_first_row_and_not_of_reading_the_model()
    {
        string path = _trained.PathOf("gpu.zip");
        _trained.MLContext.Model.Save(_trained.Model, _trained.Test.Schema, path);
        using var model = SlaTransformer.Load(new MLContext { GpuDeviceId = 0, FallbackToCpu = false }, path);
        Assert.Equal(_trained.Model.ClassNames, model.ClassNames);
        Assert.Contains("Microsoft.ML.OnnxRuntime.Gpu", Assert.Throws<InvalidOperationException>(() => model.Transform(_trained.Test)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dispose_leaves_no_file()
    {
        var model = _trained.Model.WithInference(SlaInference.Single);
        Assert.True(File.Exists(model.OnnxPath));
        model.Dispose();
        Assert.False(File.Exists(model.OnnxPath));
    }

    private sealed class Prediction
    {
        public string Name { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    public sealed class TrainedFixture : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("sla-scoring-").FullName;

        public TrainedFixture()
        {
            var options = Training.Options();
            options.Epochs = 8;
            Model = MLContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(MLContext));
            Test = Training.Images(MLContext, Files);
        }

        public MLContext MLContext { get; } = new(seed: 1);

        public LabelledImage[] Files { get; } = FashionImages.Test(classes: 3, perClass: 10);

        public SlaTransformer Model { get; }

        public IDataView Test { get; }

        public string PathOf(string file) => Path.Combine(_folder, file);

        internal PixelStore ReadTestPixels()
        {
            var features = Model.Model.Description.Features;
            var reader = new RowReader(Test, "Label", features, sameSize: true, workers: 1);
            return PixelStore.Read(reader, features.Shape, budget: long.MaxValue, skipUnreadable: false, () => { }).Store;
        }

        public void Dispose()
        {
            Model.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
