using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Speed;

/// <summary>The pieces of a training step: ResNet-32, 32 x 32 x 3, 10 classes, 4 rotations, 128 images, bfloat16.</summary>
[InProcess]
[MinIterationCount(10)]
[MaxIterationCount(20)]
public class StepBenchmarks : IDisposable
{
    private const int BatchSize = 128;
    private readonly TorchScope _computing = TorchScope.Enter(Environment.ProcessorCount, keepMemory: true);
    private readonly MeasuredStep _measured;
    private readonly Random _random = new(1);
    private readonly int[] _rows = [.. Enumerable.Range(0, BatchSize)];
    private readonly Tensor _images;
    private readonly Tensor _embeddings;

    public StepBenchmarks()
    {
        var settings = new TrainingSettings(
            Epochs: 1, BatchSize, ViewsPerStep: 4, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, new SlaTrainer.Options().Augmentations, Seed: 1)
        { ComputeType = ScalarType.BFloat16 };
        _measured = new MeasuredStep(classes: 10, depth: 32, images: BatchSize, settings, _random);
        using var batch = Load();
        _images = _measured.Loader.Normalize(batch.Images, ScalarType.BFloat16);
        _embeddings = randn(BatchSize * 4, 64).requires_grad_(true);
        Step();
    }

    /// <summary>Seconds that so many batches take to be copied, augmented and normalised.</summary>
    internal static double SecondsOfLoading(int batches)
    {
        using var benchmarks = new StepBenchmarks();
        benchmarks.LoadAugmentNormalize();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++)
            benchmarks.LoadAugmentNormalize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    [Benchmark(Baseline = true)]
    public void Step()
    {
        using var images = _measured.Store.Open(_rows);
        using Tensor loss = _measured.Step.Run(images, BatchSize, new StepState(0.01), _random);
    }

    [Benchmark]
    public void LoadAugmentNormalize()
    {
        using var scope = NewDisposeScope();
        using var batch = Load();
        foreach (var augmentation in _measured.Settings.Augmentations)
            augmentation.Apply(batch, _random);
        using Tensor images = _measured.Loader.Normalize(batch.Images, ScalarType.BFloat16);
    }

    [Benchmark]
    public void Views()
    {
        using Tensor views = _measured.Views.Views(_images);
    }

    [Benchmark]
    public void HeadsAndLossWithGradients()
    {
        using var scope = NewDisposeScope();
        using var draw = ViewDraw.All(BatchSize, 4, CPU);
        using var batch = Load();
        _measured.Objective.Loss(_embeddings, _measured.Network.Heads, batch.Targets, draw).backward();
    }

    [Benchmark]
    public void OptimizerStep() => _measured.Step.Optimizer.Step(1e-9);

    public void Dispose()
    {
        _embeddings.Dispose();
        _images.Dispose();
        _measured.Dispose();
        _computing.Dispose();
        GC.SuppressFinalize(this);
    }

    private AugmentedBatch Load()
    {
        using var images = _measured.Store.Open(_rows);
        return _measured.Loader.Load(images, BatchSize);
    }
}
