using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>One training without some of the classes, whose images are then unknown to the model. Values have the names that the library parses.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record UnknownRun : IRun
{
    public const string Cifar = "cifar10";

    private const int DefaultThreads = 2;

    /// <summary><c>clothes</c> or <c>grocery</c>, on a pretrained network that stays as it is, or <c>cifar10</c>, from scratch.</summary>
    public required string Data { get; init; }

    /// <summary>The data set that none of whose images is of a class of <see cref="Data"/>.</summary>
    public required string OtherData { get; init; }

    /// <summary>Number of classes that are held apart, drawn by the seed.</summary>
    public required int HeldApart { get; init; }

    /// <summary>Training images of each class, drawn by the seed; null for all.</summary>
    public int? ImagesPerClass { get; init; }

    public required string Objective { get; init; }

    public required string Transformations { get; init; }

    /// <summary>Null for a network that stays as it is.</summary>
    public int? Epochs { get; init; }

    public required int Seed { get; init; }

    int IRun.Cores => DefaultThreads;

    public void Check() => Options();

    public object Measure(Arguments arguments) => UnknownTraining.Measure(this, arguments);

    /// <summary>The library's options.</summary>
    /// <exception cref="FormatException">A word stands for nothing.</exception>
    public SlaTrainer.Options Options()
    {
        var options = new SlaTrainer.Options
        {
            FeatureColumnName = Images.Column,
            Channels = 3,
            Objective = TrainingRun.Objectives.Find(Objective),
            Transformations = TransformationSet.Parse(Transformations),
            Seed = Seed,
            Threads = DefaultThreads,
        };
        if (Epochs is { } epochs)
        {
            (options.ImageWidth, options.ImageHeight) = (32, 32);
            options.Epochs = epochs;
            options.Architecture = Architecture.ConvNet(32);
            options.LearningRate = 0.1;
            options.LearningRateSchedule = LearningRateSchedule.OneCycle;
            options.ViewsPerStep = Math.Min(2, options.Transformations.Count);
            options.ValidationSetFraction = 0.1f;
        }
        else
        {
            (options.ImageWidth, options.ImageHeight, options.BackboneTraining) = (224, 224, BackboneTraining.Frozen);
        }

        return options;
    }
}
