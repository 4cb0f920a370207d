namespace Microsoft.ML.Sla.Search;

/// <summary>The dimensions of a new <see cref="SlaSearchSpace"/>.</summary>
internal static class StandardDimensions
{
    public const string Transformations = "Transformations";
    public const string Objective = "Objective";
    public const string Architecture = "Architecture";
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
            [.. Enum.GetValues<SlaObjective>().Reverse().Select(objective => ($"{objective}", (Action<SlaTrainer.Options>)(options => options.Objective = objective)))])
        {
            Matters = HasSeveralViews,
        },
        new ChoiceDimension(
            Architecture,
            [.. Architectures.Select(Network)]),
        new RangeDimension("LearningRate", 0.02, 0.4, IsLogarithmic: true, (options, value) => options.LearningRate = value),
        new RangeDimension("WeightDecay", 5e-5, 2e-3, IsLogarithmic: true, (options, value) => options.WeightDecay = value),
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
            [("1", options => options.Temperature = 1), ("2", options => options.Temperature = 2), ("4", options => options.Temperature = 4)])
        {
            Matters = options => options.Objective == SlaObjective.SlaSelfDistillation && HasSeveralViews(options),
        },
        new ChoiceDimension(
            "ViewsPerStep",
            [("2", options => options.ViewsPerStep = 2), ("all", options => options.ViewsPerStep = int.MaxValue)])
        {
            Matters = options => LearnsViews(options) && options.Transformations.Count > 2,
        },
    ];

    private static bool LearnsViews(SlaTrainer.Options options) => options.Objective != SlaObjective.Baseline;

    private static bool HasSeveralViews(SlaTrainer.Options options) => options.Transformations.Count > 1;

    private static (string, Action<SlaTrainer.Options>) Set(string name)
    {
        var set = TransformationSet.Parse(name);
        return (name, options => options.Transformations = set);
    }

    private static (string, Action<SlaTrainer.Options>) Network(string name)
    {
        var architecture = Sla.Architecture.Parse(name);
        return (name, options => options.Architecture = architecture);
    }

    private static (string, Action<SlaTrainer.Options>) Augmented(string name, string augmentations)
    {
        var list = ImageAugmentation.Parse(augmentations);
        return (name, options => options.Augmentations = list);
    }
}
