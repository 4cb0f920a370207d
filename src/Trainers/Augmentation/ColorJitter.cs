using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.ColorJitter"/>.</summary>
internal sealed class ColorJitter(double brightness, double contrast, double saturation, double hue) : ImageAugmentation
{
    public override string ToString() => FormattableString.Invariant($"ColorJitter({brightness}, {contrast}, {saturation}, {hue})");

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        using var scope = NewDisposeScope();
        Tensor images = batch.Images;
        if (brightness > 0)
            images = PixelOperations.Brightness(images, Factors(brightness));
        if (contrast > 0)
            images = PixelOperations.Contrast(images, Factors(contrast));
        if (saturation > 0)
            images = PixelOperations.Saturation(images, Factors(saturation));
        if (hue > 0)
            images = PixelOperations.Hue(images, batch.PerImage(RandomExtensions.ForEach(batch.Count, () => random.Uniform(-hue, hue))));
        if (!ReferenceEquals(images, batch.Images))
            batch.Replace(images);

        Tensor Factors(double range) => batch.PerImage(RandomExtensions.ForEach(batch.Count, () => random.Uniform(1 - range, 1 + range)));
    }
}
