namespace Microsoft.ML.Sla.Studies;

/// <summary>Base augmentations by name.</summary>
internal static class Augmentation
{
    /// <summary>Those of <see cref="ImageAugmentation.Parse"/>, with another padding of <c>crop</c> where one is given.</summary>
    /// <exception cref="FormatException">A name stands for nothing.</exception>
    public static IReadOnlyList<ImageAugmentation> Parse(string names, int? cropPadding) =>
        [.. names.Split(',').SelectMany(name => name == "crop" && cropPadding is { } padding ? [ImageAugmentation.RandomCrop(padding)] : ImageAugmentation.Parse(name))];
}
