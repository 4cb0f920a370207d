using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class AugmentLabelsTests
{
    private static readonly ImageShape Shape = new(3, 2, 2);

    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void Views_and_joint_labels_are_those_of_the_transformations()
    {
        var data = Keyed(Rows());
        var augmented = Augment(TransformationSet.Rotation).Fit(data).Transform(data);

        float[][] views = [.. augmented.GetColumn<float[]>("Views")];
        Assert.Equal(Rows().Select(row => TransformationSet.Rotation.SelectMany(t => t.Apply<float>(row.Features, Shape)).ToArray()), views);
        uint[][] expected = [[1, 2, 3, 4], [5, 6, 7, 8], [1, 2, 3, 4], [0, 0, 0, 0]];
        Assert.Equal(expected, augmented.GetColumn<uint[]>("JointLabel"));

        var type = (VectorDataViewType)augmented.Schema["JointLabel"].Type;
        Assert.Equal(4, type.Size);
        Assert.Equal(8ul, ((KeyDataViewType)type.ItemType).Count);
        VBuffer<ReadOnlyMemory<char>> names = default;
        augmented.Schema["JointLabel"].GetKeyValues(ref names);
        Assert.Equal(["cat @ 0°", "cat @ 90°", "cat @ 180°", "cat @ 270°", "dog @ 0°", "dog @ 90°", "dog @ 180°", "dog @ 270°"], names.DenseValues().Select(n => n.ToString()));
    }

    [Fact]
    public void Byte_vectors_give_byte_views()
    {
        var data = Keyed(Rows());
        var options = new LabelAugmentingEstimator.Options { InputColumnName = "Bytes", Transformations = TransformationSet.ColorPermutation };
        var augmented = _mlContext.Transforms.AugmentLabels(options).Fit(data).Transform(data);
        Assert.Equal(
            Rows().Select(row => TransformationSet.ColorPermutation.SelectMany(t => t.Apply<byte>(row.Bytes, Shape)).ToArray()),
            augmented.GetColumn<byte[]>("Views"));
    }

    [Fact]
    public void Managed_code_and_ONNX_agree_on_random_images_under_every_set()
    {
        TransformationSet[] sets =
        [
            TransformationSet.None, TransformationSet.Rotation, TransformationSet.Rotation2, TransformationSet.ColorPermutation, TransformationSet.ColorPermutation3,
            TransformationSet.HorizontalFlip, TransformationSet.VerticalFlip, TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation),
            TransformationSet.FromPermutations("reversal", ("backwards", [.. Enumerable.Range(0, 75).Reverse()])),
        ];
        var shape = new ImageShape(3, 5, 5);
        var random = new Random(5);
        var rows = Enumerable.Range(0, 8).Select(_ => new Wide { Features = [.. Enumerable.Range(0, 75).Select(_ => random.NextSingle())] }).ToArray();
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        foreach (var set in sets)
        {
            var views = Augment(set).Fit(data).Transform(data).GetColumn<float[]>("Views");
            Assert.Equal(rows.Select(row => set.SelectMany(t => t.Apply<float>(row.Features, shape)).ToArray()), views);
        }
    }

    [Fact]
    public void Images_are_resized_and_split_into_planes()
    {
        var files = FashionImages.Train(classes: 2, perClass: 2);
        var data = _mlContext.Data.LoadFromEnumerable(files);
        var options = new LabelAugmentingEstimator.Options { InputColumnName = "Image", Channels = 1, ImageWidth = 14, ImageHeight = 14 };
        var pipeline = _mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(_mlContext.Transforms.LoadImages("Image", "", "ImagePath"))
            .Append(_mlContext.Transforms.AugmentLabels(options));
        var augmented = pipeline.Fit(data).Transform(data);
        Assert.All(augmented.GetColumn<float[]>("Views"), views =>
        {
            Assert.Equal(4 * 14 * 14, views.Length);
            Assert.Contains(views, v => v > 100);
            Assert.Equal(TransformationSet.Rotation[1].Apply<float>(views.AsSpan(0, 196), new ImageShape(1, 14, 14)), views[196..392]);
        });
        Assert.DoesNotContain(augmented.Schema, column => column.Name.StartsWith("Sla.", StringComparison.Ordinal) && !column.IsHidden);
    }

    [Fact]
    public void Images_of_unknown_size_are_refused_with_the_options_that_resize()
    {
        var data = _mlContext.Data.LoadFromEnumerable(FashionImages.Train(classes: 2, perClass: 1));
        var images = _mlContext.Transforms.Conversion.MapValueToKey("Label").Append(_mlContext.Transforms.LoadImages("Image", "", "ImagePath")).Fit(data).Transform(data);
        var error = Assert.Throws<ArgumentException>(() => _mlContext.Transforms.AugmentLabels(TransformationSet.Rotation, "Image").Fit(images));
        Assert.Contains("'Image' holds images of unknown size", error.Message, StringComparison.Ordinal);
        Assert.Contains("Set ImageWidth and ImageHeight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PredictionEngine_makes_views_of_rows_without_a_label()
    {
        var data = Keyed(Rows());
        var model = Augment(TransformationSet.Rotation).Fit(data);
        using var engine = _mlContext.Model.CreatePredictionEngine<Unlabelled, Augmented>(model);
        Assert.Equal(model.Transform(data).GetColumn<float[]>("Views").First(), engine.Predict(new Unlabelled { Features = Rows()[0].Features }).Views);
    }

    [Fact]
    public void Saved_it_makes_the_same_views_by_ML_NET_alone()
    {
        var data = Keyed(Rows());
        var model = Augment(TransformationSet.Rotation).Fit(data);
        using var file = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, file);
        file.Position = 0;
        var loaded = new MLContext().Model.Load(file, out _);
        Assert.Equal(model.Transform(data).GetColumn<float[]>("Views"), loaded.Transform(data).GetColumn<float[]>("Views"));
        Assert.All((IEnumerable<ITransformer>)loaded, step => Assert.StartsWith("Microsoft.ML.", step.GetType().FullName, StringComparison.Ordinal));
        Assert.All((IEnumerable<ITransformer>)loaded, step => Assert.DoesNotContain("Sla", step.GetType().Assembly.FullName, StringComparison.Ordinal));
    }

    [Fact]
    public void Fitted_and_announced_columns_agree()
    {
        var data = Keyed(Rows());
        var estimator = Augment(TransformationSet.Rotation);
        var announced = estimator.GetOutputSchema(MLNetInternals.ShapeOf(data.Schema));
        var fitted = MLNetInternals.ShapeOf(estimator.Fit(data).GetOutputSchema(data.Schema));
        foreach (string name in new[] { "Views", "JointLabel" })
        {
            Assert.Equal(fitted.Single(c => c.Name == name).Kind, announced.Single(c => c.Name == name).Kind);
            Assert.Equal(fitted.Single(c => c.Name == name).ItemType, announced.Single(c => c.Name == name).ItemType);
            Assert.Equal(fitted.Single(c => c.Name == name).IsKey, announced.Single(c => c.Name == name).IsKey);
        }
    }

    [Fact]
    public void Wrong_columns_are_named_with_the_remedy()
    {
        var data = Keyed(Rows());
        Assert.Contains("There is no column 'Featuers'", Error(data, _mlContext.Transforms.AugmentLabels(TransformationSet.Rotation, "Featuers")), StringComparison.Ordinal);
        Assert.Contains("MapValueToKey(\"Name\")", Error(data, _mlContext.Transforms.AugmentLabels(TransformationSet.Rotation, labelColumnName: "Name")), StringComparison.Ordinal);
        Assert.Contains("Colour permutations need 3 channels", Error(data, _mlContext.Transforms.AugmentLabels(
            new LabelAugmentingEstimator.Options { Transformations = TransformationSet.ColorPermutation, Channels = 1, ImageWidth = 12, ImageHeight = 1 })), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.Transforms.AugmentLabels(new LabelAugmentingEstimator.Options { ImageWidth = 4 }));

        Assert.Equal("Channels", Assert.Throws<ArgumentOutOfRangeException>(
            () => _mlContext.Transforms.AugmentLabels(new LabelAugmentingEstimator.Options { Channels = 2 })).ParamName);
        Assert.Contains("must be an image or a vector of known size of bytes or floats, and it is String", Error(
            data, _mlContext.Transforms.AugmentLabels(TransformationSet.Rotation, "Name")), StringComparison.Ordinal);

        static string Error(IDataView data, LabelAugmentingEstimator estimator) => Assert.Throws<ArgumentException>(() => estimator.Fit(data)).Message;
    }

    private LabelAugmentingEstimator Augment(TransformationSet set) => _mlContext.Transforms.AugmentLabels(set);

    private IDataView Keyed(IEnumerable<Row> rows)
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        var known = _mlContext.Data.LoadFromEnumerable([new Class { Name = "cat" }, new Class { Name = "dog" }]);
        return _mlContext.Transforms.Conversion.MapValueToKey([new InputOutputColumnPair("Label", "Name")], keyData: known).Fit(data).Transform(data);
    }

    private static Row[] Rows() =>
    [
        .. new[] { "cat", "dog", "cat", "horse" }.Select((name, i) => new Row
        {
            Name = name,
            Features = [.. Enumerable.Range(0, 12).Select(p => (float)((i * 20) + p))],
            Bytes = [.. Enumerable.Range(0, 12).Select(p => (byte)((i * 20) + p))],
        }),
    ];

    private sealed class Class
    {
        public string Name { get; set; } = "";
    }

    private sealed class Row
    {
        public string Name { get; set; } = "";

        [VectorType(12)]
        public float[] Features { get; set; } = [];

        [VectorType(12)]
        public byte[] Bytes { get; set; } = [];
    }

    private sealed class Wide
    {
        [VectorType(75)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Unlabelled
    {
        [VectorType(12)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Augmented
    {
        public float[] Views { get; set; } = [];
    }
}
