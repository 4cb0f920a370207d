namespace Microsoft.ML.Sla.Search;

/// <summary>The dimensions of a new <see cref="SlaSearchSpace"/>.</summary>
internal static class StandardDimensions
{
    public const string Transformations = "Transformations";
    public const string Objective = "Objective";
    public const string Architecture = "Architecture";
    public const string Augmentation = "Augmentation";

    public static IEnumerable<Dimension> All() =>
    [
        new ChoiceDimension(
            Transformations,
            [
                Set("none", TransformationSet.None),
                Set("rotation2", TransformationSet.Rotation2),
                Set("rotation", TransformationSet.Rotation),
                Set("hflip", TransformationSet.HorizontalFlip),
                Set("vflip", TransformationSet.VerticalFlip),
                Set("color3", TransformationSet.ColorPermutation3),
                Set("color", TransformationSet.ColorPermutation),
                Set("rotation+color3", TransformationSet.Compose(TransformationSet.Rotation, TransformationSet.ColorPermutation3)),
            ])
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
            [
                Network("cifar-resnet-8", Sla.Architecture.CifarResNet(8)),
                Network("cifar-resnet-14", Sla.Architecture.CifarResNet(14)),
                Network("cifar-resnet-20", Sla.Architecture.CifarResNet(20)),
                Network("cifar-resnet-8-2", Sla.Architecture.CifarResNet(8, 2)),
                Network("cifar-resnet-14-2", Sla.Architecture.CifarResNet(14, 2)),
                Network("conv-net-64", Sla.Architecture.ConvNet()),
            ]),
        new RangeDimension("LearningRate", 0.02, 0.4, IsLogarithmic: true, (options, value) => options.LearningRate = value),
        new RangeDimension("WeightDecay", 5e-5, 2e-3, IsLogarithmic: true, (options, value) => options.WeightDecay = value),
        new ChoiceDimension(
            Augmentation,
            [
                Augmented("none"),
                Augmented("crop", ImageAugmentation.RandomCrop()),
                Augmented("crop+flip", ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip()),
                Augmented("color", ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip(), ImageAugmentation.ColorJitter()),
                Augmented("strong", ImageAugmentation.RandomCrop(), ImageAugmentation.HorizontalFlip(), ImageAugmentation.ColorJitter(), ImageAugmentation.Cutout()),
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

    private static (string, Action<SlaTrainer.Options>) Set(string name, TransformationSet set) => (name, options => options.Transformations = set);

    private static (string, Action<SlaTrainer.Options>) Network(string name, Sla.Architecture architecture) => (name, options => options.Architecture = architecture);

    private static (string, Action<SlaTrainer.Options>) Augmented(string name, params ImageAugmentation[] augmentations) =>
        (name, options => options.Augmentations = augmentations);
}
