using System.Globalization;
using Sla;

namespace Microsoft.ML.Sla.Studies;

/// <summary>
/// One training, by all that decides what it gives on one thread. Two studies that ask for the same run share it. Values have the words of
/// the <c>sla</c> command.
/// </summary>
internal sealed record Run
{
    /// <summary><c>cifar10</c> or <c>fashion-mnist</c>.</summary>
    public required string Data { get; init; }

    /// <summary>Training images of each class, drawn by the seed.</summary>
    public required int ImagesPerClass { get; init; }

    public required string Objective { get; init; }

    public required string Transformations { get; init; }

    public required int ViewsPerStep { get; init; }

    public required string Architecture { get; init; }

    public required string Augment { get; init; }

    public required int Epochs { get; init; }

    public required int BatchSize { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    /// <summary>Networks that are trained from seeds of their own on the same images; their probabilities are averaged.</summary>
    public required int Members { get; init; }

    public required int Seed { get; init; }

    /// <summary>Steps in an epoch of each member.</summary>
    public int StepsPerEpoch => ImagesPerClass * Images.Classes / BatchSize;

    /// <summary>The library's options.</summary>
    /// <param name="member">Number of the network, counted from 0.</param>
    /// <exception cref="FormatException">A word stands for nothing.</exception>
    public SlaTrainer.Options Options(int member) => new()
    {
        FeatureColumnName = Images.Column,
        Channels = Images.Channels(Data),
        Objective = OptionNames.Find(Objective, OptionNames.Objectives),
        Transformations = TransformationSet.Parse(Transformations),
        ViewsPerStep = ViewsPerStep,
        Architecture = Microsoft.ML.Sla.Architecture.Parse(Architecture),
        Augmentations = ImageAugmentation.Parse(Augment),
        Epochs = Epochs,
        BatchSize = BatchSize,
        LearningRate = LearningRate,
        LearningRateSchedule = LearningRateSchedule.OneCycle,
        WeightDecay = WeightDecay,
        Seed = TrainingSeed(member),
        Threads = 1,
    };

    /// <summary>The seed of a network: the run's own for the first, so that it is that of a run without others.</summary>
    public int TrainingSeed(int member) => Seed + (1000 * member);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Data} {ImagesPerClass} a class, {Objective} {Transformations} {ViewsPerStep} views, {Architecture}, {Augment}, {Epochs} epochs of {StepsPerEpoch} x {BatchSize}, {Members} network(s), seed {Seed}");
}
