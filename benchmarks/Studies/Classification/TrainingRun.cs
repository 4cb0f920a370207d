using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Studies;

/// <summary>One training, by all that decides what it gives on one thread. Values have the names that the library parses.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record TrainingRun : IRun
{
    private const string Baseline = "baseline";

    /// <summary>The objectives by name.</summary>
    public static readonly IReadOnlyDictionary<string, SlaObjective> Objectives = new Dictionary<string, SlaObjective>
    {
        ["sla-sd"] = SlaObjective.SlaSelfDistillation,
        ["sla"] = SlaObjective.Sla,
        ["mt"] = SlaObjective.MultiTask,
        ["da"] = SlaObjective.DataAugmentation,
        [Baseline] = SlaObjective.Baseline,
    };

    private static readonly IReadOnlyDictionary<string, Action<SlaTrainer.Options>> Losses = new Dictionary<string, Action<SlaTrainer.Options>>
    {
        ["cross-entropy"] = _ => { },
        ["class-balanced"] = options => options.ClassWeighting = ClassWeighting.ClassBalanced(),
        ["LDAM-DRW"] = options =>
        {
            options.ClassificationLoss = ClassificationLoss.Ldam();
            options.ClassWeighting = ClassWeighting.ClassBalanced();
            options.DeferredReweighting = 0.8;
        },
    };

    /// <summary><c>cifar10</c>, <c>fashion-mnist</c>, <c>quick-start</c>, or <c>omniglot</c>, whose alphabets are the classes.</summary>
    public required string Data { get; init; }

    /// <summary>Names of the classes, joined by commas; null for all.</summary>
    public string? Classes { get; init; }

    /// <summary>Training images of each class, or of the first of uneven classes, drawn by the seed.</summary>
    public required int ImagesPerClass { get; init; }

    /// <summary>The first class's number of images over the last's; null where all have as many.</summary>
    public int? Ratio { get; init; }

    /// <summary>Test images of each class; null for all there are.</summary>
    public int? TestImagesPerClass { get; init; }

    /// <summary>Images of each class that are measured on in place of the test images: some of the training half that nothing is trained on. Null for the test images.</summary>
    public int? PilotImagesPerClass { get; init; }

    public required string Objective { get; init; }

    /// <summary><c>cross-entropy</c>, or what is set against uneven classes: <c>class-balanced</c> or <c>LDAM-DRW</c>; null for the former.</summary>
    public string? Loss { get; init; }

    public required string Transformations { get; init; }

    public required int ViewsPerStep { get; init; }

    public required string Architecture { get; init; }

    public required string Augment { get; init; }

    /// <summary>Pixels that a random crop moves an image by at most; null for the library's default.</summary>
    public int? CropPadding { get; init; }

    public required int Epochs { get; init; }

    /// <summary>Time of the training on its thread, in seconds, in place of epochs; null for the epochs.</summary>
    public int? Seconds { get; init; }

    public required int BatchSize { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    /// <summary>The run whose model the weights are taken of; null for initial weights.</summary>
    public TrainingRun? Pretrained { get; init; }

    /// <summary>Whether the model is kept for runs that take its weights.</summary>
    public bool? KeepModel { get; init; }

    /// <summary>Whether a training that was stopped goes on from its last checkpoint. The line has no times then.</summary>
    public bool? Resume { get; init; }

    public int? FrozenEpochs { get; init; }

    public double? LayerRateDecay { get; init; }

    /// <summary>Null for the library's default, which the processor decides.</summary>
    public string? Precision { get; init; }

    /// <summary>Null for one.</summary>
    public int? Threads { get; init; }

    /// <summary>Null for the library's default.</summary>
    public bool? KeepMemory { get; init; }

    /// <summary>Whether the model is scored in 8 bits as well.</summary>
    public bool? Int8 { get; init; }

    /// <summary>Networks that are trained from seeds of their own on the same images; their probabilities are averaged.</summary>
    public required int Members { get; init; }

    public required int Seed { get; init; }

    /// <summary>Steps in an epoch of each member.</summary>
    public int StepsPerEpoch => TrainingImages / BatchSize;

    /// <summary>Training images of all classes, where these have as many each.</summary>
    public int TrainingImages => ImagesPerClass * DataSet.CountClasses(this);

    int IRun.Cores => Threads ?? 1;

    IRun? IRun.After => Pretrained;

    /// <summary>A run of properties, in which <c>steps</c> or <c>seconds</c> may stand in place of <c>epochs</c>.</summary>
    public static TrainingRun Of(JsonObject properties)
    {
        if (properties["seconds"] is not null)
            properties["epochs"] = 0;
        int? steps = properties["epochs"] is null ? properties["steps"]?.GetValue<int>() : null;
        properties.Remove("steps");
        if (steps is not null)
            properties["epochs"] = 1;
        properties["members"] ??= 1;
        if (properties["objective"]?.GetValue<string>() == Baseline)
            (properties["transformations"], properties["viewsPerStep"]) = ("none", 1);
        var run = properties.Deserialize<TrainingRun>(Lines.Json)!;
        return steps is { } count ? run with { Epochs = (int)Math.Max(1, Math.Round(count / (double)run.StepsPerEpoch)) } : run;
    }

    public void Check()
    {
        DataSet.Check(this);
        Options(member: 0);
    }

    public object Measure(Arguments arguments) => Training.Measure(this, arguments);

    /// <summary>The library's options.</summary>
    /// <param name="member">Number of the network, counted from 0.</param>
    /// <param name="weights">File of the pretrained weights.</param>
    /// <exception cref="FormatException">A word stands for nothing.</exception>
    public SlaTrainer.Options Options(int member, string? weights = null)
    {
        var options = new SlaTrainer.Options
        {
            FeatureColumnName = Images.Column,
            Channels = DataSet.Channels(Data),
            Objective = Objectives.Find(Objective),
            Transformations = TransformationSet.Parse(Transformations),
            ViewsPerStep = ViewsPerStep,
            Architecture = Sla.Architecture.Parse(Architecture),
            Augmentations = Augmentation.Parse(Augment, CropPadding),
            Epochs = Math.Max(1, Epochs),
            TrainingTime = Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            BatchSize = BatchSize,
            LearningRate = LearningRate,
            LearningRateSchedule = LearningRateSchedule.OneCycle,
            WeightDecay = WeightDecay,
            PretrainedPath = weights,
            FrozenEpochs = FrozenEpochs ?? 0,
            LayerRateDecay = LayerRateDecay ?? 1,
            Precision = Precision is null ? Sla.Precision.Auto : Enum.Parse<Precision>(Precision, ignoreCase: true),
            Seed = TrainingSeed(member),
            Threads = Threads ?? 1,
        };
        options.KeepMemory = KeepMemory ?? options.KeepMemory;
        if (DataSet.Side(Data) is { } side)
            (options.ImageWidth, options.ImageHeight, options.Resizing) = (side, side, ImageResizingEstimator.ResizingKind.IsoPad);
        if (Loss is not null)
            Losses.Find(Loss)(options);
        return options;
    }

    /// <summary>The seed of a network: the run's own for the first, so that it is that of a run without others.</summary>
    public int TrainingSeed(int member) => Seed + (1000 * member);
}
