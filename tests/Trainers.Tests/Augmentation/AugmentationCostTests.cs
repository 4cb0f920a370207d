using System.Diagnostics;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What making the views costs, on ResNet-32 with four rotations.</summary>
public sealed class AugmentationCostTests
{
    private const int BatchSize = 64;
    private const int Repeats = 5;

    private static readonly ImageShape Shape = new(3, 32, 32);

    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    public void Making_views_takes_less_than_3_percent_of_a_step(int viewsPerStep)
    {
        var random = new Random(1);
        var store = StepFixture.RandomImages(Shape, BatchSize, classes: 10, random);
        int[] rows = [.. Enumerable.Range(0, BatchSize)];
        using var fixture = new StepFixture(SlaObjective.Sla, classes: 10, depth: 32, store, new TrainingSettings(
            Epochs: 1, BatchSize, viewsPerStep, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, Augmentations: [], Seed: 1),
            Environment.ProcessorCount, keepMemory: true);

        using Tensor images = rand(BatchSize, Shape.Length);
        var step = new List<TimeSpan>();
        var making = new List<TimeSpan>();
        for (int repeat = 0; repeat <= Repeats; repeat++)
        {
            step.Add(Time(() => fixture.Run(rows, 0.01, random)));
            making.Add(Time(() =>
            {
                using var draw = ViewDraw.Random(BatchSize, 4, viewsPerStep, withIdentity: false, random, CPU);
                fixture.Views.Views(images, draw).Dispose();
            }));
        }

        // The first repeat warms up.
        double share = Median(making) / Median(step);
        Assert.True(share < 0.03, $"{share:P2}");

        static double Median(List<TimeSpan> times) => times.Skip(1).Select(t => t.TotalMilliseconds).Order().ElementAt(Repeats / 2);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    public void Views_are_copied_once_into_the_layout_that_convolutions_read(int viewsPerStep)
    {
        TorchLibrary.EnsureLoaded();
        using var views = new ViewAugmenter(TransformationSet.Rotation, Shape, CPU);
        using Tensor images = rand(BatchSize, Shape.Length);
        using var draw = ViewDraw.Random(BatchSize, 4, viewsPerStep, withIdentity: false, new Random(1), CPU);
        long before = LiveTensors.Count();
        using Tensor made = views.Views(images, draw);
        Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal(new long[] { BatchSize * viewsPerStep, 3, 32, 32 }, made.shape);
        Assert.Equal(new long[] { Shape.Length, 1, 32 * 3, 3 }, made.stride());
    }

    private static TimeSpan Time(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed;
    }
}
