using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Speed;

/// <summary>The parts of a training step on images of random bytes in memory, with four rotations, on the CPU.</summary>
internal sealed class MeasuredStep : IDisposable
{
    private static readonly ImageShape Shape = new(3, 32, 32);

    /// <param name="classes">Number of classes; the images have them in turn.</param>
    /// <param name="depth">Depth of the CIFAR ResNet.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="settings">How a step is made.</param>
    /// <param name="random">Draws the images.</param>
    public MeasuredStep(int classes, int depth, int images, TrainingSettings settings, Random random)
    {
        Settings = settings;
        Store = new PixelStore(Shape, [.. Enumerable.Range(0, images).Select(i => ((long)i, i % classes))]);
        for (int i = 0; i < images; i++)
            random.NextBytes(Store.Pixels(i));
        Objective = SlaObjectives.Create(SlaObjective.SlaSelfDistillation, classes, TransformationSet.Rotation.Count, new ObjectiveSettings());
        Network = new SlaNetwork(Architecture.CifarResNet(depth), Shape, Objective.Heads, seed: 1);
        Views = new ViewAugmenter(TransformationSet.Rotation, Shape, CPU);
        Loader = new BatchLoader(Shape, PixelNormalization.MinusOneToOne, CPU);
        Step = new TrainingStep(Network, Objective, Views, Loader, settings);
    }

    public TrainingSettings Settings { get; }

    public PixelStore Store { get; }

    public Objective Objective { get; }

    public SlaNetwork Network { get; }

    public ViewAugmenter Views { get; }

    public BatchLoader Loader { get; }

    public TrainingStep Step { get; }

    public void Dispose()
    {
        Step.Dispose();
        Loader.Dispose();
        Views.Dispose();
        Network.Dispose();
    }
}
