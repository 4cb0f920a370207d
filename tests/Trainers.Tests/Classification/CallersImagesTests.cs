using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Images that a program holds in memory are the program's own, whatever is done with rows of them.</summary>
public sealed class CallersImagesTests : IDisposable
{
    private const int Side = 16;

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly List<Row> _rows;

    public CallersImagesTests()
    {
        var random = new Random(2);

        // Of the model's size, which ML.NET's resizing hands on as they are and then disposes, and larger ones.
        _rows = [.. Enumerable.Range(0, 24).Select(i => new Row
        {
            Label = i % 2 == 0 ? "dark" : "light",
            Image = Picture(i % 3 == 0 ? 2 * Side : Side, random, lightest: i % 2 == 0 ? 128 : 256),
        })];
    }

    public static TheoryData<int, long?> Ways => new() { { 3, null }, { 1, null }, { 3, 1 } };

    public void Dispose() => _rows.ForEach(row => row.Image.Dispose());

    [Theory]
    [MemberData(nameof(Ways))]
    public void Training_and_scoring_leave_them_as_they_were(int channels, long? pixelMemory)
    {
        byte[][] before = Pixels();
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla(Options(channels, pixelMemory));
        using var model = trainer.Fit(Keyed());
        Assert.Equal(before, Pixels());

        for (int pass = 0; pass < 2; pass++)
            Assert.Equal(_rows.Count, Training.Scores(model.Transform(Keyed())).Length);
        Assert.Equal(before, Pixels());

        using var viewScores = model.WithViewScores();
        Assert.Equal(_rows.Count, viewScores.Transform(Keyed()).GetColumn<float[]>("ViewScores").Count());
        using var int8 = model.ToInt8(Keyed(), count: 8);
        Assert.Equal(_rows.Count, Training.Scores(int8.Transform(Keyed())).Length);
        Assert.Equal(before, Pixels());
    }

    [Fact]
    public void The_image_column_behind_a_model_holds_the_callers_images()
    {
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(Options()).Fit(Keyed());
        var seen = model.Transform(Keyed()).GetColumn<MLImage>("Image").ToList();
        Assert.All(seen.Zip(_rows), pair => Assert.Same(pair.Second.Image, pair.First));
    }

    [Fact]
    public void Columns_of_images_of_any_one_size_are_scored()
    {
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(Options()).Fit(Keyed());
        foreach (int side in new[] { 3, 41, 57 })
        {
            var resized = _mlContext.Transforms.ResizeImages("Image", side, side + 1).Fit(Keyed()).Transform(Copies());
            Assert.Equal(_rows.Count, Training.Scores(model.Transform(resized)).Length);
        }

        IDataView Copies()
        {
            var rows = _mlContext.Data.LoadFromEnumerable(_rows.ConvertAll(row => new Row { Label = row.Label, Image = Picture(Side, new Random(1), lightest: 256) }));
            return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        }
    }

    [Fact]
    public void A_cross_validation_leaves_them_as_they_were()
    {
        byte[][] before = Pixels();
        foreach (var fold in _mlContext.MulticlassClassification.CrossValidate(Keyed(), _mlContext.MulticlassClassification.Trainers.Sla(Options()), numberOfFolds: 2))
            (fold.Model as IDisposable)?.Dispose();
        Assert.Equal(before, Pixels());
    }

    [Fact]
    public void A_prediction_engine_leaves_them_as_they_were_and_answers_the_same_again()
    {
        byte[][] before = Pixels();
        var model = _mlContext.MulticlassClassification.Trainers.Sla(Options()).Fit(Keyed());
        using var engine = _mlContext.Model.CreatePredictionEngine<ImageRow, Prediction>(model);
        var rows = _rows.Select(row => new ImageRow { Image = row.Image }).ToList();
        var first = rows.ConvertAll(row => engine.Predict(row).Score);
        Assert.Equal(first, rows.Select(row => engine.Predict(row).Score));
        Assert.Equal(before, Pixels());
    }

    [Fact]
    public void Views_of_them_leave_them_as_they_were()
    {
        byte[][] before = Pixels();
        var views = _mlContext.Transforms.AugmentLabels(new LabelAugmentingEstimator.Options { InputColumnName = "Image", ImageWidth = Side, ImageHeight = Side }).Fit(Keyed());
        for (int pass = 0; pass < 2; pass++)
            Assert.Equal(_rows.Count, views.Transform(Keyed()).GetColumn<float[]>("Views").Count());
        Assert.Equal(before, Pixels());
        (views as IDisposable)?.Dispose();
    }

    [Fact]
    public void Few_shot_training_and_embeddings_leave_them_as_they_were()
    {
        byte[][] before = Pixels();
        var options = Training.FewShotOptions();
        (options.ImageWidth, options.ImageHeight, options.Channels) = (Side, Side, 3);
        using var embedding = _mlContext.MulticlassClassification.Trainers.SlaFewShot(options).Fit(Keyed());
        using var classifier = _mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedding.Transform(Keyed()));
        Assert.Equal(_rows.Count, Training.Scores(classifier.Transform(embedding.Transform(Keyed()))).Length);
        Assert.Equal(before, Pixels());
    }

    private static SlaTrainer.Options Options(int channels = 3, long? pixelMemory = null) => new()
    {
        FeatureColumnName = "Image",
        ImageWidth = Side,
        ImageHeight = Side,
        Channels = channels,
        PixelMemory = pixelMemory,
        Architecture = Architecture.ConvNet(4),
        Epochs = 1,
        BatchSize = 8,
        Seed = 1,
        Threads = 1,
    };

    private static MLImage Picture(int side, Random random, int lightest) => MLImage.CreateFromPixels(
        side, side, MLPixelFormat.Bgra32, [.. Enumerable.Range(0, 4 * side * side).Select(i => (byte)(i % 4 == 3 ? 255 : random.Next(lightest)))]);

    private byte[][] Pixels() => [.. _rows.Select(row => row.Image.Pixels.ToArray())];

    private IDataView Keyed()
    {
        var rows = _mlContext.Data.LoadFromEnumerable(_rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [Transforms.Image.ImageType(Side, Side)]
        public MLImage Image { get; set; } = null!;
    }

    private sealed class ImageRow
    {
        [Transforms.Image.ImageType(Side, Side)]
        public MLImage Image { get; set; } = null!;
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
