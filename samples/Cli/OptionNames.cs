using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>The words that stand for values of the library's options, on the command line and in files.</summary>
internal static class OptionNames
{
    /// <summary>Every objective, the default first.</summary>
    public static readonly (string Word, SlaObjective Value)[] Objectives =
    [
        ("sla-sd", SlaObjective.SlaSelfDistillation),
        ("sla", SlaObjective.Sla),
        ("mt", SlaObjective.MultiTask),
        ("da", SlaObjective.DataAugmentation),
        ("baseline", SlaObjective.Baseline),
    ];

    private static readonly (string Word, TransformationSet Set)[] Sets =
    [
        ("rotation", TransformationSet.Rotation),
        ("none", TransformationSet.None),
        ("rotation2", TransformationSet.Rotation2),
        ("color", TransformationSet.ColorPermutation),
        ("color3", TransformationSet.ColorPermutation3),
        ("hflip", TransformationSet.HorizontalFlip),
        ("vflip", TransformationSet.VerticalFlip),
    ];

    private static readonly (string Word, Func<ImageAugmentation> Create)[] Augmentations =
    [
        ("crop", () => ImageAugmentation.RandomCrop()),
        ("flip", () => ImageAugmentation.HorizontalFlip()),
        ("resized-crop", () => ImageAugmentation.RandomResizedCrop()),
        ("color-jitter", () => ImageAugmentation.ColorJitter()),
        ("cutout", () => ImageAugmentation.Cutout()),
        ("cutmix", () => ImageAugmentation.CutMix()),
        ("mixup", () => ImageAugmentation.Mixup()),
        ("randaugment", () => ImageAugmentation.RandAugment()),
    ];

    public static string SetNames => string.Join(", ", Sets.Select(set => set.Word));

    public static string AugmentationNames => string.Join(", ", Augmentations.Select(augmentation => augmentation.Word));

    /// <summary>A set, or the composition of several: <c>rotation+color3</c>.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static TransformationSet ParseTransformationSet(string text) =>
        text.Split('+').Select(word => Find(word, Sets)).Aggregate(TransformationSet.Compose);

    /// <summary>Base augmentations in their order: <c>crop,flip</c>.</summary>
    /// <exception cref="FormatException">They are not.</exception>
    public static IReadOnlyList<ImageAugmentation> ParseAugmentations(string text) =>
        text.Equals("none", StringComparison.OrdinalIgnoreCase) ? [] : [.. text.Split(',').Select(word => Find(word, Augmentations)())];

    /// <summary>A network: <c>cifar-resnet-8</c>.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Architecture ParseArchitecture(string text)
    {
        string name = text.ToLowerInvariant();
        int digits = name.IndexOfAny([.. "0123456789"]);
        int[] numbers = digits < 0 ? [] : [.. name[digits..].Split('-').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        return (digits < 0 ? name : name[..digits].TrimEnd('-'), numbers) switch
        {
            ("auto", []) => Architecture.Auto,
            ("cifar-resnet", []) => Architecture.CifarResNet(),
            ("cifar-resnet", [var depth]) => Architecture.CifarResNet(depth),
            ("cifar-resnet", [var depth, var width]) => Architecture.CifarResNet(depth, width),
            ("wide-resnet", []) => Architecture.WideResNet(),
            ("wide-resnet", [var depth, var width]) => Architecture.WideResNet(depth, width),
            ("resnet", []) => Architecture.ResNet(),
            ("resnet", [var depth]) => Architecture.ResNet(depth),
            ("conv-net", []) => Architecture.ConvNet(),
            ("conv-net", [var width]) => Architecture.ConvNet(width),
            _ => throw new FormatException("it must be auto, cifar-resnet-DEPTH[-WIDTH], wide-resnet-DEPTH-WIDTH, resnet-DEPTH or conv-net-WIDTH"),
        };
    }

    /// <exception cref="FormatException">It is none of the words.</exception>
    public static T Find<T>(string text, params (string Word, T Value)[] choices)
    {
        foreach (var (word, value) in choices)
        {
            if (word.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new FormatException($"it must be one of {string.Join(", ", choices.Select(choice => choice.Word))}");
    }
}
