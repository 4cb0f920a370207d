using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What bfloat16 changes in training, and what it must not.</summary>
public sealed class PrecisionTests : FolderTest
{
    private readonly MLContext _mlContext = new(seed: 1);

    [Fact]
    public void A_step_in_bfloat16_goes_where_the_step_in_float32_goes()
    {
        var (exact, exactLoss) = WeightChanges(ScalarType.Float32);
        var (rounded, roundedLoss) = WeightChanges(ScalarType.BFloat16);

        Assert.Equal(exactLoss, roundedLoss, 0.02 * exactLoss);
        Assert.NotEqual(exactLoss, roundedLoss);
        double cosine = exact.Zip(rounded).Sum(pair => (double)pair.First * pair.Second) / (Norm(exact) * Norm(rounded));
        Assert.InRange(cosine, 0.98, 1);
        Assert.Equal(1, Norm(rounded) / Norm(exact), 0.05);

        static double Norm(IEnumerable<float> values) => Math.Sqrt(values.Sum(value => (double)value * value));
    }

    [Fact]
    public void Weights_gradients_and_statistics_stay_32_bit_floats()
    {
        using var fixture = Fixture(ScalarType.BFloat16);
        fixture.Run([0, 1, 2, 3], 0.01, new Random(1));

        Assert.All(fixture.Network.state_dict(), entry => Assert.Equal(ScalarType.Float32, entry.Value.dtype));
        Assert.All(fixture.Network.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.grad!.dtype));
    }

    [Fact]
    public void A_backbone_of_ones_own_trains_in_its_own_precision()
    {
        var options = Training.Options();
        options.Epochs = 1;
        options.Architecture = Architecture.Custom("mine", 8, shape => nn.Sequential(
            nn.Conv2d(shape.Channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()));
        var images = Training.Images(_mlContext);
        _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images).Dispose();

        options.Precision = Precision.BFloat16;
        var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images));
        Assert.Contains("'mine' is a custom backbone", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_is_not_resumed_in_another_precision()
    {
        var options = Training.Options();
        options.Epochs = 1;
        options.CheckpointFolder = Folder;
        options.Precision = Precision.BFloat16;
        var images = Training.Images(_mlContext);
        _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images).Dispose();

        options.Resume = true;
        options.Precision = Precision.Float32;
        var error = Assert.Throws<InvalidOperationException>(() => _mlContext.MulticlassClassification.Trainers.Sla(options).Fit(images));
        Assert.Contains("Precision: BFloat16 there and Float32 here", error.Message, StringComparison.Ordinal);
    }

    private static (float[] Changes, double Loss) WeightChanges(ScalarType type)
    {
        using var fixture = Fixture(type);
        var before = Parameters(fixture);
        double loss = fixture.Run([.. Enumerable.Range(0, 16)], 0.01, new Random(1));
        return ([.. Parameters(fixture).Zip(before, (after, start) => after - start)], loss);
    }

    private static float[] Parameters(StepFixture fixture) =>
        [.. fixture.Network.parameters().SelectMany(parameter => parameter.detach().data<float>())];

    private static StepFixture Fixture(ScalarType type)
    {
        var store = StepFixture.RandomImages(new ImageShape(3, 16, 16), count: 16, classes: 2, new Random(1));
        return new StepFixture(SlaObjective.SlaSelfDistillation, classes: 2, depth: 14, store, new TrainingSettings(
            Epochs: 1, BatchSize: 16, ViewsPerStep: 4, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, Augmentations: [], Seed: 1)
        { ComputeType = type });
    }
}
