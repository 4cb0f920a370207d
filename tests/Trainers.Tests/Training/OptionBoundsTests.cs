using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Values of options with which no training can succeed: refused before anything is read, by name and with what would do.</summary>
public sealed class OptionBoundsTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Theory]
    [InlineData(1e300)]
    [InlineData(1e-300)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1)]
    public void A_learning_rate_that_is_no_float_above_0_is_refused(double rate) =>
        AssertRefused(nameof(SlaTrainer.Options.LearningRate), "0.001 to 0.3", options => options.LearningRate = rate);

    [Theory]
    [InlineData(0)]
    [InlineData(1000000)]
    public void A_number_of_threads_that_no_machine_has_is_refused(int threads) =>
        AssertRefused(nameof(SlaTrainer.Options.Threads), "null for all processors", options => options.Threads = threads);

    [Fact]
    public void A_thousand_threads_are_too_many_for_a_small_machine()
    {
        Assert.SkipWhen(Environment.ProcessorCount >= 125, "This machine is large.");
        AssertRefused(nameof(SlaTrainer.Options.Threads), "from 1 to", options => options.Threads = 1000 + (8 * Environment.ProcessorCount));
    }

    [Theory]
    [InlineData(1e-38f)]
    [InlineData(float.NaN)]
    [InlineData(0)]
    [InlineData(float.PositiveInfinity)]
    public void A_pixel_maximum_by_which_no_float_can_be_divided_is_refused(float maximum) =>
        AssertRefused(nameof(SlaTrainer.Options.PixelMaximum), "such as 255 or 1", options => options.PixelMaximum = maximum);

    [Fact]
    public void Other_numbers_that_no_float_holds_are_refused()
    {
        AssertRefused("WeightDecay", "0 to 0.01", options => options.WeightDecay = 1e300);
        AssertRefused("GradientClipping", "or null", options => options.GradientClipping = double.NaN);
        AssertRefused("Temperature", "1 to 10", options => options.Temperature = 1e-300);
        AssertRefused("Beta", "0.1 to 10", options => options.Beta = double.PositiveInfinity);
        AssertRefused("TrainingTime", "above 0", options => options.TrainingTime = TimeSpan.FromSeconds(-1));
        AssertRefused("BatchSize", "above 0", options => options.BatchSize = -1);
        AssertRefused("ImageWidth", "smaller", options => (options.ImageWidth, options.ImageHeight) = (int.MaxValue, int.MaxValue));
        var fewShot = Training.FewShotOptions();
        (fewShot.Ways, fewShot.Shots) = (int.MaxValue, int.MaxValue);
        Assert.Contains("Shots or Queries", Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.SlaFewShot(fewShot)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new PixelNormalization([0.5f], [1e-42f]));
    }

    [Theory]
    [InlineData("crop", 29)]
    [InlineData("crop", 100000)]
    [InlineData("cutout", 29)]
    public void An_augmentation_larger_than_the_image_is_refused_before_the_images_are_read(string name, int size)
    {
        var options = Training.Options();
        options.Augmentations = [name == "crop" ? ImageAugmentation.RandomCrop(size) : ImageAugmentation.Cutout(size)];
        string message = Assert.Throws<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext))).Message;
        Assert.All([$"({size})", "at most 28 pixels"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_largest_numbers_train()
    {
        var options = Training.Options(SlaObjective.Baseline);
        (options.Epochs, options.BatchSize, options.EarlyStopping, options.ValidationSetFraction) = (int.MaxValue, int.MaxValue, new EarlyStopping { Patience = 1, MinDelta = 0.99 }, 0.25f);
        options.Augmentations = [ImageAugmentation.RandomCrop(28), ImageAugmentation.Cutout(28)];
        using var model = _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Training.Images(_mlContext, classes: 2, perClass: 8));
        Assert.True(model.TrainingHistory.StoppedEarly);
    }

    private void AssertRefused(string option, string remedy, Action<SlaTrainer.Options> set)
    {
        var options = Training.Options();
        set(options);
        var refusal = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options));
        Assert.Equal(option, refusal.ParamName);
        Assert.Contains(remedy, refusal.Message, StringComparison.Ordinal);
    }
}
