using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Training steps on images in memory, with four rotations, on one thread where no more are asked for: for tests of single steps.</summary>
internal sealed class StepFixture : IDisposable
{
    private readonly TorchScope _scope;

    public StepFixture(SlaObjective kind, int classes, int depth, PixelStore store, TrainingSettings settings, int threads = 1, bool keepMemory = false)
    {
        _scope = TorchScope.Enter(threads, keepMemory);
        var architecture = Architecture.CifarResNet(depth);
        Objective = SlaObjectives.Create(kind, classes, TransformationSet.Rotation.Count, new ObjectiveSettings());
        Network = new SlaNetwork(architecture, store.Shape, Objective.Heads, seed: 1);
        Views = new ViewAugmenter(TransformationSet.Rotation, store.Shape, CPU);
        Settings = settings;
        Loader = new BatchLoader(store.Shape, PixelNormalization.MinusOneToOne, CPU);
        Step = new TrainingStep(Network, Objective, Views, Loader, settings);
        Store = store;
    }

    public PixelStore Store { get; }

    public TrainingSettings Settings { get; }

    public SlaNetwork Network { get; }

    public ViewAugmenter Views { get; }

    public Objective Objective { get; }

    public BatchLoader Loader { get; }

    public TrainingStep Step { get; }

    /// <summary>Makes a step on rows of the store and returns the loss.</summary>
    public double Run(int[] rows, double learningRate, Random random)
    {
        using var images = Store.Open(rows);
        using Tensor loss = Step.Run(images, rows.Length, new StepState(learningRate), random);
        return loss.item<double>();
    }

    /// <summary>Images of random bytes, the classes in turn.</summary>
    public static PixelStore RandomImages(ImageShape shape, int count, int classes, Random random)
    {
        var store = new PixelStore(shape, [.. Enumerable.Range(0, count).Select(i => ((long)i, i % classes))]);
        for (int i = 0; i < count; i++)
            random.NextBytes(store.Pixels(i));
        return store;
    }

    public void Dispose()
    {
        Step.Dispose();
        Loader.Dispose();
        Views.Dispose();
        Network.Dispose();
        _scope.Dispose();
    }
}
