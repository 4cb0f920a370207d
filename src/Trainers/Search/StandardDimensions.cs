namespace Microsoft.ML.Sla.Search;

/// <summary>The dimensions of a new <see cref="SlaSearchSpace"/>.</summary>
internal static class StandardDimensions
{
    public const string Transformations = "Transformations";
    public const string Objective = "Objective";
    public const string Architecture = "Architecture";
    public const string Backbone = "Backbone";
    public const string Augmentation = "Augmentation";

    private static readonly string[] TransformationSets = ["none", "rotation2", "rotation", "hflip", "vflip", "color3", "color", "rotation+color3"];

    private static readonly string[] Architectures =
        ["cifar-resnet-8", "cifar-resnet-14", "cifar-resnet-20", "cifar-resnet-8-2", "cifar-resnet-14-2", "conv-net-64"];

    public static IEnumerable<Dimension> All() =>
    [
        new ChoiceDimension(
            Transformations,
            [.. TransformationSets.Select(Set)])
        {
            Matters = LearnsViews,
        },
        new ChoiceDimension(
            Objective,
            [.. Enum.GetValues<SlaObjective>().Reverse().Select(objective => new Choice($"{objective}", options => options.Objective = objective))])
        {
            Matters = HasSeveralViews,
        },
        new ChoiceDimension(
            Architecture,
            [.. Architectures.Select(Network)])
        {
            Matters = TrainsBackbone,
        },

        // After the architecture, which it replaces.
        new ChoiceDimension(
            Backbone,
            [BackboneChoice.None, BackboneChoice.ResNet18()]),
        new RangeDimension("LearningRate", 0.02, 0.4, IsLogarithmic: true, (options, value) => options.LearningRate = value)
        {
            Matters = TrainsBackbone,
        },
        new RangeDimension("WeightDecay", 5e-5, 2e-3, IsLogarithmic: true, (options, value) => options.WeightDecay = value)
        {
            Matters = TrainsBackbone,
        },
        new ChoiceDimension(
            Augmentation,
            [
                Augmented("none", "none"),
                Augmented("crop", "crop"),
                Augmented("crop+flip", "crop,flip"),
                Augmented("color-jitter", "crop,flip,color-jitter"),
                Augmented("strong", "crop,flip,color-jitter,cutout"),
            ]),
        new ChoiceDimension(
            "Temperature",
            [new("1", options => options.Temperature = 1), new("2", options => options.Temperature = 2), new("4", options => options.Temperature = 4)])
        {
            Matters = options => options.Objective == SlaObjective.SlaSelfDistillation && HasSeveralViews(options),
        },
        new ChoiceDimension(
            "ViewsPerStep",
            [new("2", options => options.ViewsPerStep = 2), new("all", options => options.ViewsPerStep = int.MaxValue)])
        {
            Matters = options => TrainsBackbone(options) && LearnsViews(options) && options.Transformations.Count > 2,
        },
    ];

    private static bool TrainsBackbone(SlaTrainer.Options options) => options.BackboneTraining != BackboneTraining.Frozen;

    private static bool LearnsViews(SlaTrainer.Options options) => options.Objective != SlaObjective.Baseline;

    private static bool HasSeveralViews(SlaTrainer.Options options) => options.Transformations.Count > 1;

    private static Choice Set(string name)
    {
        var set = TransformationSet.Parse(name);
        return new(name, options => options.Transformations = set);
    }

    private static Choice Network(string name)
    {
        var architecture = Sla.Architecture.Parse(name);
        return new(name, options => options.Architecture = architecture);
    }

    private static Choice Augmented(string name, string augmentations)
    {
        var list = ImageAugmentation.Parse(augmentations);
        return new(name, options => options.Augmentations = list);
    }
}
