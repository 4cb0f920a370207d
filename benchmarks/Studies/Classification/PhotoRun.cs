using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>One training on photos, by all that decides what it gives on so many threads. Values have the names that the library parses.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record PhotoRun : IRun
{
    /// <summary>Name of the objective that stands for ML.NET's own pipeline.</summary>
    public const string MLNet = "mlnet";

    private const int DefaultThreads = 2;

    /// <summary><c>clothes</c> or <c>grocery</c>.</summary>
    public required string Data { get; init; }

    /// <summary>Training photos of each class, drawn by the seed; null for all.</summary>
    public int? ImagesPerClass { get; init; }

    public required string Objective { get; init; }

    public required string Transformations { get; init; }

    /// <summary>Base augmentation. Mirror images are the one that counts for a network that stays as it is.</summary>
    public required string Augment { get; init; }

    /// <summary>Width and height in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Null for the library's default, which the processor decides.</summary>
    public string? Precision { get; init; }

    public required int Seed { get; init; }

    int IRun.Cores => DefaultThreads;

    public void Check() => Options();

    public object Measure(Arguments arguments) => PhotoTraining.Measure(this, arguments);

    /// <summary>The library's options.</summary>
    /// <exception cref="FormatException">A word stands for nothing.</exception>
    public SlaTrainer.Options Options() => new()
    {
        FeatureColumnName = Images.Column,
        ImageWidth = ImageSize,
        ImageHeight = ImageSize,
        Channels = 3,
        BackboneTraining = BackboneTraining.Frozen,
        Objective = Objective == MLNet ? SlaObjective.Baseline : TrainingRun.Objectives.Find(Objective),
        Transformations = TransformationSet.Parse(Transformations),
        Augmentations = ImageAugmentation.Parse(Augment),
        Precision = Precision is null ? Sla.Precision.Auto : Enum.Parse<Precision>(Precision, ignoreCase: true),
        Seed = Seed,
        Threads = DefaultThreads,
    };
}
