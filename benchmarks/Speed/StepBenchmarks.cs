using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
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
    private readonly TensorMemory? _memory;
    private readonly PixelStore _store;
    private readonly BatchLoader _loader;
    private readonly ViewAugmenter _views;
    private readonly SlaNetwork _network;
    private readonly Objective _objective;
    private readonly TrainingStep _step;
    private readonly Random _random = new(1);
    private readonly int[] _rows = [.. Enumerable.Range(0, BatchSize)];
    private readonly Tensor _images;
    private readonly Tensor _embeddings;

    public StepBenchmarks()
    {
        TorchLibrary.EnsureLoaded();
        set_num_threads(Environment.ProcessorCount);
        _memory = TensorMemory.Keep();
        var shape = new ImageShape(3, 32, 32);
        _store = new PixelStore(shape, [.. _rows.Select(row => ((long)row, row % 10))]);
        foreach (int row in _rows)
            _random.NextBytes(_store.Pixels(row));
        _objective = SlaObjectives.Create(SlaObjective.SlaSelfDistillation, 10, 4, new ObjectiveSettings());
        _network = new SlaNetwork(Architecture.CifarResNet(32), shape, _objective.Heads, seed: 1);
        _views = new ViewAugmenter(TransformationSet.Rotation, shape, CPU);
        _loader = new BatchLoader(shape, PixelNormalization.MinusOneToOne, CPU);
        _step = new TrainingStep(_network, _objective, _views, _loader, new TrainingSettings(
            Epochs: 1, BatchSize, ViewsPerStep: 4, LearningRate: 0.01, LearningRateSchedule.Constant, Momentum: 0.9, WeightDecay: 1e-4, new SlaTrainer.Options().Augmentations, Seed: 1)
        { ComputeType = ScalarType.BFloat16 });
        using var batch = Load();
        _images = _loader.Normalize(batch.Images, ScalarType.BFloat16);
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
        using var images = _store.Open(_rows);
        using Tensor loss = _step.Run(images, BatchSize, 0.01, _random);
    }

    [Benchmark]
    public void LoadAugmentNormalize()
    {
        using var scope = NewDisposeScope();
        using var batch = Load();
        foreach (var augmentation in new SlaTrainer.Options().Augmentations)
            augmentation.Apply(batch, _random);
        using Tensor images = _loader.Normalize(batch.Images, ScalarType.BFloat16);
    }

    [Benchmark]
    public void Views()
    {
        using Tensor views = _views.Views(_images);
    }

    [Benchmark]
    public void HeadsAndLossWithGradients()
    {
        using var scope = NewDisposeScope();
        using var draw = ViewDraw.All(BatchSize, 4, CPU);
        using var batch = Load();
        _objective.Loss(_embeddings, _network.Heads, batch.Targets, draw).backward();
    }

    [Benchmark]
    public void OptimizerStep() => _step.Optimizer.Step(1e-9);

    public void Dispose()
    {
        _embeddings.Dispose();
        _images.Dispose();
        _step.Dispose();
        _loader.Dispose();
        _views.Dispose();
        _network.Dispose();
        _memory?.Dispose();
        GC.SuppressFinalize(this);
    }

    private AugmentedBatch Load()
    {
        using var images = _store.Open(_rows);
        return _loader.Load(images, BatchSize);
    }
}
