using Microsoft.ML.Data;
using TorchSharp;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Which rows the trainer takes, and what it says of those that it does not take.</summary>
public sealed class TrainerRowsTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void Rows_without_a_label_are_left_out_and_counted()
    {
        LabelledImage[] files = FashionImages.Train(classes: 3, perClass: 8);
        var data = _mlContext.Data.LoadFromEnumerable(files);
        var known = _mlContext.Data.LoadFromEnumerable([new ClassName { Label = files[0].Label }, new ClassName { Label = files[8].Label }]);
        var images = _mlContext.Transforms.Conversion.MapValueToKey([new InputOutputColumnPair("Label")], keyData: known)
            .Append(_mlContext.Transforms.LoadImages("Image", "", "ImagePath")).Fit(data).Transform(data);
        var messages = new LogMessages(_mlContext);
        using var model = Fit(images, options => options.Epochs = 1);

        Assert.Equal(16, model.TrainingHistory.Images);
        Assert.Equal([files[0].Label, files[8].Label], model.ClassNames);
        Assert.Contains(messages, message => message.Contains("8 rows without a label left out", StringComparison.Ordinal));
    }

    [Fact]
    public void An_image_of_another_size_is_named_with_both_sizes_and_the_options_that_resize()
    {
        string path = InFolder("small.png");
        using (var image = MLImage.CreateFromPixels(20, 10, MLPixelFormat.Bgra32, new byte[4 * 20 * 10]))
            image.Save(path);
        LabelledImage[] files = [.. FashionImages.Train(classes: 2, perClass: 4), new LabelledImage(path, "dress")];

        string message = Refusal(Training.Images(_mlContext, files), _ => { });
        Assert.Contains("row 8", message, StringComparison.Ordinal);
        Assert.Contains("20 pixels wide and 10 high, and the first one is 28 wide and 28 high. Set ImageWidth and ImageHeight, to 224", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validation_rows_of_other_classes_are_refused_with_both_lists_of_classes()
    {
        var images = Training.Images(_mlContext, classes: 3, perClass: 1);
        var fewer = Training.Images(_mlContext, classes: 2, perClass: 1);
        var trainer = _mlContext.MulticlassClassification.Trainers.Sla("Label", "Image", validationSet: fewer);

        string message = Assert.Throws<ArgumentException>(() => trainer.Fit(images)).Message;
        string[] names = [.. FashionImages.Train(classes: 3, perClass: 1).Select(image => image.Label)];
        Assert.Contains($"has the keys {names[0]}, {names[1]}, and that of the training rows {names[0]}, {names[1]}, {names[2]}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_validation_set_or_fraction_without_rows_is_refused()
    {
        var images = Training.Images(_mlContext, classes: 2, perClass: 4);
        Assert.Contains("0.01, is too small to keep a row of any class", Refusal(images, options => options.ValidationSetFraction = 0.01f), StringComparison.Ordinal);
        Assert.Contains(
            "the validation set is empty", Refusal(images, options => options.ValidationSet = _mlContext.Data.SkipRows(images, 8)), StringComparison.Ordinal);
    }

    [Fact]
    public void Mirrored_images_whose_mirror_image_is_a_view_are_warned_of()
    {
        var messages = new LogMessages(_mlContext);
        foreach (var set in new[] { TransformationSet.Rotation, TransformationSet.HorizontalFlip })
        {
            Assert.DoesNotContain(messages, Warns);
            Fit(Training.Images(_mlContext, classes: 2, perClass: 4), options =>
            {
                options.Epochs = 1;
                options.Transformations = set;
                options.Augmentations = [ImageAugmentation.HorizontalFlip()];
            }).Dispose();
        }

        Assert.Contains(messages, Warns);

        static bool Warns(string message) => message.Contains("Leave HorizontalFlip out of Augmentations", StringComparison.Ordinal);
    }

    [Fact]
    public void A_GPU_that_is_not_there_is_refused_with_the_packages_to_add()
    {
        TorchLibrary.EnsureLoaded();
        Assert.SkipWhen(torch.cuda.is_available(), "Needs a machine without a CUDA GPU.");
        string message = Refusal(Training.Images(_mlContext, classes: 2, perClass: 4), options => options.Device = SlaDevice.Cuda);
        Assert.Contains("TorchSharp-cuda-windows or TorchSharp-cuda-linux", message, StringComparison.Ordinal);
        Assert.Contains("set Device to Auto", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_columns_alone_make_trainers_that_announce_them()
    {
        var input = MLNetInternals.ShapeOf(Training.Images(_mlContext, classes: 2, perClass: 1).Schema);
        var trainers = _mlContext.MulticlassClassification.Trainers;

        var classifier = trainers.Sla("Label", "Image", "Probabilities", "Class").GetOutputSchema(input);
        Assert.Equal(NumberDataViewType.Single, classifier.Single(column => column.Name == "Probabilities").ItemType);
        Assert.True(classifier.Single(column => column.Name == "Class").IsKey);

        var vector = trainers.SlaFewShot("Label", "Image", "Vector").GetOutputSchema(input).Single(column => column.Name == "Vector");
        Assert.Equal((SchemaShape.Column.VectorKind.Vector, (DataViewType)NumberDataViewType.Single), (vector.Kind, vector.ItemType));
    }

    private SlaTransformer Fit(IDataView images, Action<SlaTrainer.Options> configure)
    {
        var options = Training.Options();
        options.Threads = 1;
        configure(options);
        return _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images);
    }

    private string Refusal(IDataView images, Action<SlaTrainer.Options> configure) =>
        Assert.Throws<InvalidOperationException>(() => Fit(images, configure)).Message;

    private sealed class ClassName
    {
        public string Label { get; set; } = "";
    }
}
