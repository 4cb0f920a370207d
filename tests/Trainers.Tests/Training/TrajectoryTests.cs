using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A training run against the same run in PyTorch (Vectors/make_vectors.py, trajectory).</summary>
public sealed class TrajectoryTests
{
    private const double RelativeTolerance = 1e-3;

    /// <summary>Biases of batch normalisation, which began at 0 and are below this after 20 steps, carry rounding of their gradients' terms.</summary>
    private const double SmallestSize = 0.05;

    private const double LearningRate = 0.001;
    private const int Classes = 5;
    private const int Images = 48;
    private const int BatchSize = 16;
    private const int Side = 32;

    [Fact]
    public void Twenty_steps_of_ResNet20_go_as_in_PyTorch()
    {
        using var computing = TorchScope.Enter(threads: 1, keepMemory: false);
        using var scope = NewDisposeScope();
        var shape = new ImageShape(3, Side, Side);
        using var fixture = new StepFixture(SlaObjective.SlaSelfDistillation, Classes, depth: 20, Store(shape), new TrainingSettings(
            Epochs: 1,
            BatchSize,
            ViewsPerStep: 4,
            LearningRate,
            LearningRateSchedule.Constant,
            Momentum: 0.9,
            WeightDecay: 0.05,
            Augmentations: [],
            Seed: 1));
        Initialize(fixture.Network);

        var expected = VectorFile.Read("trajectory.json");
        double[] losses = expected.GetProperty("losses").Deserialize<double[]>()!;
        for (int step = 0; step < losses.Length; step++)
        {
            int[] rows = [.. Enumerable.Range(0, BatchSize).Select(i => ((step * BatchSize) + i) % Images)];
            AssertClose([losses[step]], [fixture.Run(rows, LearningRate, new Random(1))], $"loss of step {step + 1}");
        }

        var tensors = fixture.Network.state_dict();
        foreach (var statistics in expected.GetProperty("running").EnumerateObject())
            AssertClose(statistics.Value.Deserialize<double[]>()!, VectorFile.Values(tensors[statistics.Name]), statistics.Name);
        foreach (var norm in expected.GetProperty("norms").EnumerateObject())
            AssertClose([norm.Value.GetDouble()], [tensors[norm.Name].to(ScalarType.Float64).norm().item<double>()], norm.Name);
        Assert.Equal(
            tensors.Count,
            expected.GetProperty("running").EnumerateObject().Count() + expected.GetProperty("norms").EnumerateObject().Count());
    }

    /// <summary>initialize() of make_vectors.py.</summary>
    private static void Initialize(SlaNetwork network)
    {
        using var noGradient = no_grad();
        string[] names = [.. network.state_dict().Keys.Order(StringComparer.Ordinal)];
        for (int stream = 0; stream < names.Length; stream++)
        {
            Tensor value = network.state_dict()[names[stream]];
            double bound = value.dim() == 4 ? Math.Sqrt(6.0 / (value.shape[0] * 9)) : names[stream].Contains("head", StringComparison.Ordinal) ? 0.125 : 0;
            if (bound > 0)
                value.copy_(VectorFile.Numbers(1000 + stream, value.shape) * bound);
        }
    }

    private static PixelStore Store(ImageShape shape)
    {
        var store = new PixelStore(shape, [.. Enumerable.Range(0, Images).Select(i => ((long)i, i % Classes))]);
        for (int i = 0; i < Images; i++)
        {
            Span<byte> pixels = store.Pixels(i);
            for (int p = 0; p < pixels.Length; p++)
            {
                int line = (i % Classes * 3 * Side) + (p / Side);
                pixels[p] = (byte)Math.Round(127.5 + (60 * VectorFile.Number(7, line)) + (60 * VectorFile.Number(100 + i, p)));
            }
        }

        return store;
    }

    /// <summary>Relative to the largest of the values, as the smallest carry the rounding of the others.</summary>
    private static void AssertClose(double[] expected, double[] actual, string what)
    {
        double size = Math.Max(expected.Max(Math.Abs), SmallestSize);
        double difference = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(expected.Length == actual.Length && difference <= RelativeTolerance * size, $"{what}: differs by {difference} of {size}");
    }
}
