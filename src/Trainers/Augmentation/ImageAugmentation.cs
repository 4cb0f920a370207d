using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Data;

namespace Microsoft.ML.Sla;

/// <summary>
/// Base augmentation: a random change of a training image. It is drawn once for an image, before its M views are made. All views
/// therefore show the same changed image, and the joint labels stay exact.
/// </summary>
public abstract class ImageAugmentation
{
    private static readonly (string Name, Func<ImageAugmentation> Create)[] ByName =
    [
        ("crop", () => RandomCrop()),
        ("flip", () => HorizontalFlip()),
        ("resized-crop", () => RandomResizedCrop()),
        ("color-jitter", () => ColorJitter()),
        ("cutout", () => Cutout()),
        ("cutmix", () => CutMix()),
        ("mixup", () => Mixup()),
        ("randaugment", () => RandAugment()),
    ];

    private protected ImageAugmentation()
    {
    }

    /// <summary>The names that <see cref="Parse"/> knows: crop, flip, resized-crop, color-jitter, cutout, cutmix, mixup, randaugment.</summary>
    public static IReadOnlyList<string> Names => [.. ByName.Select(entry => entry.Name)];

    /// <summary>Adds a black border to the image and cuts a random crop of the image's size from it (docs/method.md, training).</summary>
    /// <param name="padding">
    /// Width of the border in pixels, from 1 to the shorter side of the image: Fit refuses a wider one. Default 4, the paper's for 32 x 32.
    /// </param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The padding is below 1.</exception>
    public static ImageAugmentation RandomCrop(int padding = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(padding, 1);
        return new RandomCrop(padding);
    }

    /// <summary>
    /// Cuts a random rectangle from the image and resizes it to the image's size by bilinear interpolation. This is the usual augmentation
    /// of photos (Szegedy et al. 2015).
    /// </summary>
    /// <param name="minScale">Smallest share of the image's area, above 0. Default 0.25.</param>
    /// <param name="maxScale">Largest share of the image's area, at most 1. Default 1.</param>
    /// <param name="maxAspect">Largest ratio of width to height, or of height to width, relative to the image's; 1 or more. Default 4/3.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ImageAugmentation RandomResizedCrop(double minScale = 0.25, double maxScale = 1, double maxAspect = 4.0 / 3)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minScale);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxScale, minScale);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxScale, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxAspect, 1);
        return new RandomResizedCrop(minScale, maxScale, maxAspect);
    }

    /// <summary>Mirrors an image left to right. Do not use it for digits, letters and other images that change their meaning when mirrored.</summary>
    /// <param name="probability">Share of the images, above 0 to 1. Default 0.5.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The probability is out of its range.</exception>
    public static ImageAugmentation HorizontalFlip(double probability = 0.5)
    {
        RequireProbability(probability);
        return new HorizontalFlip(probability);
    }

    /// <summary>
    /// Multiplies brightness, contrast and saturation by random factors, and turns the hue by a random angle, one after another. Saturation
    /// and hue do not change grey images.
    /// </summary>
    /// <param name="brightness">Factors are drawn from 1 - brightness to 1 + brightness; 0 to 1. Default 0.4.</param>
    /// <param name="contrast">The same for contrast. Default 0.4.</param>
    /// <param name="saturation">The same for saturation. Default 0.4.</param>
    /// <param name="hue">Largest turn of the hue, as a share of the colour circle, 0 to 0.5. Default 0.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ImageAugmentation ColorJitter(double brightness = 0.4, double contrast = 0.4, double saturation = 0.4, double hue = 0)
    {
        RequireUpTo(1, brightness);
        RequireUpTo(1, contrast);
        RequireUpTo(1, saturation);
        RequireUpTo(0.5, hue);
        return new ColorJitter(brightness, contrast, saturation, hue);
    }

    /// <summary>Covers the image with a grey square around a random pixel, clipped to the image (DeVries and Taylor 2017).</summary>
    /// <param name="size">
    /// Side in pixels, from 1 to the shorter side of the image: Fit refuses a longer one. Default null: half of the shorter side of the image.
    /// </param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public static ImageAugmentation Cutout(int? size = null)
    {
        if (size is { } pixels)
            ArgumentOutOfRangeException.ThrowIfLessThan(pixels, 1, nameof(size));
        return new Cutout(size);
    }

    /// <summary>
    /// Replaces a random rectangle of the image with that of another image of the batch. The result has the labels of both images, by their
    /// shares of the area (Yun et al. 2019).
    /// </summary>
    /// <param name="alpha">The share of the area is drawn from Beta(alpha, alpha); above 0. Default 1: all shares are equally likely.</param>
    /// <param name="probability">Share of the images, above 0 to 1. Default 0.5.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ImageAugmentation CutMix(double alpha = 1, double probability = 0.5)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        RequireProbability(probability);
        return new CutMix(alpha, probability);
    }

    /// <summary>Takes a weighted mean of the image and another image of the batch, and mixes their labels likewise (Zhang et al. 2018).</summary>
    /// <param name="alpha">The weight is drawn from Beta(alpha, alpha); above 0. Default 0.2: mostly near 0 or 1.</param>
    /// <param name="probability">Share of the images, above 0 to 1. Default 1.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ImageAugmentation Mixup(double alpha = 0.2, double probability = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        RequireProbability(probability);
        return new Mixup(alpha, probability);
    }

    /// <summary>
    /// Draws operations for each image from a list of 14, all with one strength: stretch the contrast, equalise the histogram, rotate,
    /// solarise, posterise, change colour, contrast, brightness or sharpness, shear or move along either axis, or nothing (Cubuk et al. 2020).
    /// </summary>
    /// <param name="operations">Number of operations for each image, 1 or more. Default 2.</param>
    /// <param name="magnitude">Strength, 0 to 30. Default 9.</param>
    /// <returns>The augmentation.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ImageAugmentation RandAugment(int operations = 2, int magnitude = 9)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(operations, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(magnitude);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(magnitude, Augmentation.RandAugment.LargestMagnitude);
        return new RandAugment(operations, magnitude);
    }

    /// <summary>Gets augmentations with their default values by name, such as <c>crop,flip</c>.</summary>
    /// <param name="text">Names of <see cref="Names"/> in the order of application, joined by commas, or <c>none</c>. Case does not matter.</param>
    /// <returns>The augmentations; an empty list for <c>none</c>.</returns>
    /// <exception cref="FormatException">There is no augmentation of that name; the message lists the names.</exception>
    public static IReadOnlyList<ImageAugmentation> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Trim().Equals("none", StringComparison.OrdinalIgnoreCase) ? [] : [.. text.Split(',').Select(Find)];

        static ImageAugmentation Find(string name)
        {
            int index = Array.FindIndex(ByName, entry => entry.Name.Equals(name.Trim(), StringComparison.OrdinalIgnoreCase));
            return index >= 0
                ? ByName[index].Create()
                : throw new FormatException($"There is no augmentation '{name.Trim()}'. Name some of {string.Join(", ", Names)}, joined by commas, or none.");
        }
    }

    /// <summary>The name and the values, such as <c>RandomCrop(4)</c>.</summary>
    public abstract override string ToString();

    /// <summary>Whether the augmentation mixes images, and their labels, with others.</summary>
    internal virtual bool Mixes => false;

    /// <summary>Why images of a shape cannot be changed so; null if they can.</summary>
    internal virtual string? Objection(ImageShape shape) => null;

    /// <summary>Changes the images of a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="random">The source of random numbers. It is on the host, so that all devices draw the same numbers.</param>
    internal abstract void Apply(AugmentedBatch batch, Random random);

    private static void RequireProbability(double probability)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(probability);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(probability, 1);
    }

    private static void RequireUpTo(double largest, double value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, largest);
    }
}
