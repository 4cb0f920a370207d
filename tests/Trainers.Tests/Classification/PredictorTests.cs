using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Transforms.Image;
using Microsoft.ML.Transforms.Onnx;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The predictor beside ML.NET's chain, on random weights.</summary>
public sealed class PredictorTests : FolderTest
{
    private const int Side = 16;

    private readonly MLContext _mlContext = new(seed: 1);

    public static TheoryData<int, ImageResizingEstimator.ResizingKind> Inputs => new(
        from channels in new[] { 1, 3 }
        from resizing in Enum.GetValues<ImageResizingEstimator.ResizingKind>()
        select (channels, resizing));

    [Theory]
    [MemberData(nameof(Inputs))]
    public void It_gives_the_bits_that_the_chain_gives(int channels, ImageResizingEstimator.ResizingKind resizing)
    {
        string[] files = [.. Photos(), .. FashionImages.Test(classes: 2, perClass: 2).Select(image => image.ImagePath)];
        string path = Save(channels, resizing);
        using var predictor = SlaPredictor.Load(path);
        using var chain = SlaTransformer.Load(_mlContext, path);
        Assert.Equal(chain.Inference, predictor.Inference);
        Assert.Equal(chain.Inferences, predictor.Inferences);
        Assert.Equal(chain.ClassNames, predictor.ClassNames);
        Assert.Equal(chain.ImageShape, predictor.ImageShape);

        AssertSame(chain, predictor, files);
        foreach (var inference in predictor.Inferences)
        {
            using var otherPredictor = predictor.WithInference(inference);
            using var otherChain = chain.WithInference(inference);
            AssertSame(otherChain, otherPredictor, files);
            using var predictorOfViews = otherPredictor.WithViewScores();
            using var chainOfViews = otherChain.WithViewScores();
            AssertSame(chainOfViews, predictorOfViews, files);
        }
    }

    [Fact]
    public void It_gives_the_bits_that_a_loaded_pipeline_gives()
    {
        string[] files = [.. Photos()];
        string path = InFolder("pipeline.zip");
        using (var model = NewModel(3, ImageResizingEstimator.ResizingKind.IsoCrop))
        {
            var rows = Rows(files);
            _mlContext.Model.Save(model.Append(_mlContext.Transforms.CopyColumns("Copy", "Score").Fit(model.Transform(rows))), rows.Schema, path);
        }

        var mlContext = new MLContext();
        mlContext.SetOnnxSessionOption(new OnnxSessionOptions { IntraOpNumThreads = 1 });
        var pipeline = mlContext.Model.Load(path, out _);
        using var predictor = SlaPredictor.Load(path);
        Assert.Equal(Training.Scores(pipeline.Transform(Rows(files))), predictor.Predict(files).Select(prediction => prediction.Score));
        (pipeline as IDisposable)?.Dispose();
    }

    [Fact]
    public void A_model_in_8_bits_is_scored_as_it_is_and_in_no_other_way()
    {
        string[] files = [.. Photos()];
        string path = InFolder("int8.zip");
        using var model = NewModel(3, ImageResizingEstimator.ResizingKind.IsoCrop);
        using var int8 = model.ToInt8(Rows(files));
        _mlContext.Model.Save(int8, Rows(files).Schema, path);

        using var predictor = SlaPredictor.Load(path);
        AssertSame(int8, predictor, files);
        Assert.Contains("8 bits", Assert.Throws<InvalidDataException>(() => predictor.WithInference(SlaInference.Single)).Message, StringComparison.Ordinal);
        Assert.Contains("8 bits", Assert.Throws<InvalidDataException>(predictor.WithViewScores).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_files_keep_their_order()
    {
        string[] files = [.. Enumerable.Repeat(Photos().ToArray(), 20).SelectMany(photos => photos)];
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        Assert.Equal(files.Select(file => predictor.Predict(file).Score), predictor.Predict(files).Select(prediction => prediction.Score));
        Assert.Empty(predictor.Predict(Array.Empty<string>()));
    }

    [Fact]
    public void A_file_its_bytes_and_a_stream_of_it_give_the_same_bits_and_the_same_refusals()
    {
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        foreach (string file in Photos())
        {
            byte[] bytes = File.ReadAllBytes(file);
            var expected = predictor.Predict(file).Score;
            Assert.Equal(expected, predictor.Predict(bytes).Score);
            using var stream = new MemoryStream([1, 2, 3, .. bytes]) { Position = 3 };
            Assert.Equal(expected, predictor.Predict(stream).Score);
            Assert.True(stream.CanRead);

            byte[] cut = bytes[..(bytes.Length / 2)];
            Assert.Throws<InvalidDataException>(() => predictor.Predict(cut));
            Assert.Throws<InvalidDataException>(() => predictor.Predict(new MemoryStream(cut)));
        }
    }

    [Fact]
    public void Threads_that_share_a_predictor_get_the_same_bits()
    {
        const int Threads = 8, Predictions = 1_000;
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        byte[][] files = [.. Photos().Select(File.ReadAllBytes)];
        var expected = files.Select(file => predictor.Predict(file).Score).ToArray();
        int next = -1, right = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (int i = Interlocked.Increment(ref next); i < Predictions; i = Interlocked.Increment(ref next))
            {
                if (predictor.Predict(files[i % files.Length]).Score.SequenceEqual(expected[i % files.Length]))
                    Interlocked.Increment(ref right);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(Predictions, right);
    }

    [Fact]
    public async Task Reading_asynchronously_gives_the_same_bits_and_can_be_cancelled()
    {
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        var token = TestContext.Current.CancellationToken;
        foreach (string file in Photos())
        {
            var expected = predictor.Predict(file).Score;
            Assert.Equal(expected, (await predictor.PredictAsync(file, token)).Score);
            using var stream = new MemoryStream(File.ReadAllBytes(file));
            Assert.Equal(expected, (await predictor.PredictAsync(stream, token)).Score);
        }

        await Assert.ThrowsAsync<FileNotFoundException>(() => predictor.PredictAsync("nothing.jpg", token));
        string text = InFolder("text.jpg");
        await File.WriteAllTextAsync(text, "no image", token);
        Assert.Contains(text, (await Assert.ThrowsAsync<InvalidDataException>(() => predictor.PredictAsync(text, token))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => predictor.PredictAsync(Photos().First(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void All_inputs_have_a_result_and_those_that_cannot_be_used_an_error()
    {
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        string[] files = [.. Photos()];
        files[2] = InFolder("text.jpg");
        File.WriteAllText(files[2], "no image");
        files[5] = InFolder("nothing.jpg");
        var token = TestContext.Current.CancellationToken;
        var results = predictor.PredictAll(files, token);
        Assert.Equal([2, 5], Enumerable.Range(0, files.Length).Where(i => !results[i].IsSuccess));
        Assert.IsType<InvalidDataException>(results[2].Error);
        Assert.IsType<FileNotFoundException>(results[5].Error);
        Assert.All([2, 5], i => Assert.Contains(files[i], results[i].Error!.Message, StringComparison.Ordinal));
        Assert.Equal(predictor.Predict(files[7]).Score, results[7].Prediction!.Score);

        ReadOnlyMemory<byte>[] contents = [.. files.Select(file => File.Exists(file) ? File.ReadAllBytes(file) : [])];
        var ofBytes = predictor.PredictAll(contents, token);
        Assert.Equal(results.Select(result => result.Prediction?.Score), ofBytes.Select(result => result.Prediction?.Score));
        Assert.Contains("in memory", ofBytes[5].Error!.Message, StringComparison.Ordinal);

        Assert.Throws<OperationCanceledException>(() => predictor.PredictAll(files, new CancellationToken(canceled: true)));
        Assert.Contains("paths[1]", Assert.Throws<ArgumentException>(() => predictor.PredictAll(["a.jpg", null!], token)).Message, StringComparison.Ordinal);
        Assert.Empty(predictor.PredictAll(Array.Empty<string>(), token));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Pixels_in_memory_are_scored_as_an_image_of_them_which_stays_the_callers(int channels)
    {
        using var predictor = SlaPredictor.Load(Save(channels, ImageResizingEstimator.ResizingKind.IsoPad));
        var shape = new ImageShape(channels, Height: 21, Width: 34);
        byte[] planes = new byte[shape.Length];
        new Random(4).NextBytes(planes);
        byte[] interleaved = [.. from i in Enumerable.Range(0, 21 * 34) from value in new[] { planes[i], planes[((channels - 1) * 21 * 34 / 2) + i], planes[((channels - 1) * 21 * 34) + i], (byte)255 } select value];
        using var image = MLImage.CreateFromPixels(34, 21, MLPixelFormat.Rgba32, interleaved);
        var expected = predictor.Predict(image).Score;
        Assert.Equal(expected, predictor.Predict(planes, shape).Score);
        Assert.Equal(expected, predictor.Predict(image).Score);

        planes[0] ^= 0x80;
        Assert.NotEqual(expected, predictor.Predict(planes, shape).Score);
        Assert.Contains($"have {shape.Length}", Assert.Throws<ArgumentException>(() => predictor.Predict(planes.AsSpan(1), shape)).Message, StringComparison.Ordinal);
        Assert.Contains("1 or 3 channels", Assert.Throws<ArgumentException>(() => predictor.Predict(planes, new ImageShape(2, 21, 17 * channels))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => predictor.Predict(planes, new ImageShape(3, 65536, 65536)));
    }

    [Fact]
    public void A_prediction_names_the_most_probable_classes()
    {
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        using var ofViews = predictor.WithViewScores();
        var prediction = ofViews.Predict(Photos().First());
        int[] order = [.. Enumerable.Range(0, 3).OrderByDescending(i => prediction.Score[i])];
        Assert.Equal(order.Select(i => new ClassProbability(predictor.ClassNames[i], prediction.Score[i])), prediction.Top(9));
        Assert.Equal(prediction.Top(3).Take(2), prediction.Top(2));
        Assert.Equal((prediction.Top(1)[0].Label, prediction.Top(1)[0].Probability), (prediction.Label, prediction.Probability));
        Assert.Equal(prediction.ViewScores[3].Max(), prediction.TopOfView(3, 1)[0].Probability);
        Assert.Throws<ArgumentOutOfRangeException>(() => prediction.Top(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => prediction.TopOfView(4, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => predictor.Predict(Photos().First()).TopOfView(0, 1));
    }

    [Fact]
    public void An_image_of_more_pixels_than_the_limit_is_refused_on_every_way()
    {
        string path = Save(3, ImageResizingEstimator.ResizingKind.IsoCrop);
        string file = Photos().First();
        byte[] bytes = File.ReadAllBytes(file);
        using var predictor = SlaPredictor.Load(path, pixelLimit: (53 * 37) - 1);
        Assert.Contains(file, Assert.Throws<InvalidDataException>(() => predictor.Predict(file)).Message, StringComparison.Ordinal);
        Assert.Contains("53 x 37", Assert.Throws<InvalidDataException>(() => predictor.Predict(bytes)).Message, StringComparison.Ordinal);
        Assert.Contains("53 x 37", Assert.Throws<InvalidDataException>(() => predictor.Predict(new MemoryStream(bytes))).Message, StringComparison.Ordinal);
        using var same = predictor.WithInference(SlaInference.Single);
        Assert.Throws<InvalidDataException>(() => same.Predict(file));
        Assert.Throws<ArgumentOutOfRangeException>(() => SlaPredictor.Load(path, pixelLimit: 0));
    }

    [Fact]
    public void The_first_file_that_cannot_be_used_is_named()
    {
        string[] files = [.. Enumerable.Repeat(Photos().First(), 300)];
        foreach (int i in new[] { 40, 41, 250 })
            File.WriteAllText(files[i] = InFolder($"broken-{i}.jpg"), "no image");
        using var predictor = SlaPredictor.Load(Save(3, ImageResizingEstimator.ResizingKind.IsoCrop));
        Assert.Contains("broken-40.jpg", Assert.Throws<InvalidDataException>(() => predictor.Predict(files)).Message, StringComparison.Ordinal);
        Assert.Contains("nothing.jpg", Assert.Throws<FileNotFoundException>(() => predictor.Predict("nothing.jpg")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_inference_that_the_objective_does_not_define_is_refused()
    {
        string path = Save(1, ImageResizingEstimator.ResizingKind.IsoCrop, SlaObjective.Sla);
        using var predictor = SlaPredictor.Load(path);
        Assert.DoesNotContain(SlaInference.Distilled, predictor.Inferences);
        Assert.Throws<ArgumentOutOfRangeException>(() => predictor.WithInference(SlaInference.Distilled));
    }

    [Fact]
    public void A_model_of_pixel_vectors_is_refused()
    {
        var features = new FeatureColumn("Pixels", FeatureKind.Floats, new ImageShape(1, Side, Side), ImageResizingEstimator.ResizingKind.IsoCrop, 255);
        using var model = NewModel(features, SlaObjective.Sla);
        string path = InFolder("vector.zip");
        _mlContext.Model.Save(model, null, path);
        Assert.Contains("'Pixels', a vector", Assert.Throws<InvalidDataException>(() => SlaPredictor.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_a_model_is_refused()
    {
        string path = InFolder("other.zip");
        Assert.Throws<FileNotFoundException>(() => SlaPredictor.Load(path));
        File.WriteAllText(path, "not a zip");
        Assert.Contains("other.zip", Assert.Throws<InvalidDataException>(() => SlaPredictor.Load(path)).Message, StringComparison.Ordinal);
    }

    private void AssertSame(SlaTransformer chain, SlaPredictor predictor, string[] files)
    {
        var scored = chain.Transform(Rows(files));
        var predictions = predictor.Predict(files);
        Assert.Equal(Training.Scores(scored), predictions.Select(prediction => prediction.Score));
        if (scored.Schema.GetColumnOrNull("ViewScores") is null)
            Assert.All(predictions, prediction => Assert.Empty(prediction.ViewScores));
        else
            Assert.Equal(scored.GetColumn<float[]>("ViewScores"), predictions.Select(prediction => prediction.ViewScores.SelectMany(view => view)));
    }

    private IDataView Rows(string[] files)
    {
        var rows = _mlContext.Data.LoadFromEnumerable(files.Select(file => new LabelledImage(file, "")));
        return _mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: 2 * Side).Fit(rows).Transform(rows);
    }

    /// <summary>Pictures of odd sizes, of the network's own, and of one that is decoded smaller, each as PNG with holes and as JPEG.</summary>
    private IEnumerable<string> Photos()
    {
        var random = new Random(5);
        foreach (var (width, height) in new[] { (53, 37), (31, 64), (Side, Side), (9, 7), (301, 200) })
        {
            byte[] pixels = new byte[4 * width * height];
            foreach (ref uint pixel in MemoryMarshal.Cast<byte, uint>(pixels.AsSpan()))
                pixel = (uint)random.Next() | (random.Next(4) == 0 ? 0 : 0xFF000000);
            using var image = MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
            foreach (string extension in new[] { "png", "jpg" })
            {
                string path = InFolder($"{width}x{height}.{extension}");
                image.Save(path);
                yield return path;
            }
        }
    }

    private string Save(int channels, ImageResizingEstimator.ResizingKind resizing, SlaObjective objective = SlaObjective.SlaSelfDistillation)
    {
        string path = InFolder($"{channels}-{resizing}.zip");
        using var model = NewModel(channels, resizing, objective);
        _mlContext.Model.Save(model, null, path);
        return path;
    }

    private SlaTransformer NewModel(int channels, ImageResizingEstimator.ResizingKind resizing, SlaObjective objective = SlaObjective.SlaSelfDistillation) =>
        NewModel(new FeatureColumn("Image", FeatureKind.Image, new ImageShape(channels, Side, Side), resizing, 255), objective);

    private SlaTransformer NewModel(FeatureColumn features, SlaObjective kind)
    {
        TorchLibrary.EnsureLoaded();
        var architecture = Architecture.CifarResNet(depth: 8);
        var description = new ModelDescription(
            kind, new ObjectiveSettings(), architecture, TransformationSet.Rotation, features, PixelNormalization.ImageNet,
            new ClassLabels("Label", DataKind.String, ["a", "b", "c"]), "Score", "PredictedLabel", ViewScoresColumn: null, "0.0.0");
        using var network = new SlaNetwork(architecture, features.Shape, description.CreateObjective().Heads, seed: 3);
        var model = new TrainedModel(description, network.GetWeights());
        return new SlaTransformer(_mlContext, model, model.Objective.Inferences[0].Inference);
    }
}
