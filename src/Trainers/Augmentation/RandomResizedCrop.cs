using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.RandomResizedCrop"/>.</summary>
internal sealed class RandomResizedCrop(double minScale, double maxScale, double maxAspect) : ImageAugmentation
{
    private const int Tries = 10;

    public override string ToString() => FormattableString.Invariant($"RandomResizedCrop({minScale}, {maxScale}, {maxAspect:0.##})");

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        float[] maps = [.. Enumerable.Range(0, batch.Count).SelectMany(_ => Map(random))];
        batch.Replace(Sampling.Affine(batch.Images, maps, GridSampleMode.Bilinear, GridSamplePaddingMode.Border));
    }

    /// <summary>Draws the map of a rectangle: its width and height as shares of the image's, and a place where it fits.</summary>
    private float[] Map(Random random)
    {
        var (width, height) = Size(random);
        double x = random.Uniform(width - 1, 1 - width);
        double y = random.Uniform(height - 1, 1 - height);
        return [(float)width, 0, (float)x, 0, (float)height, (float)y];
    }

    private (double Width, double Height) Size(Random random)
    {
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            double area = random.Uniform(minScale, maxScale);
            double aspect = Math.Exp(random.Uniform(-Math.Log(maxAspect), Math.Log(maxAspect)));
            double width = Math.Sqrt(area * aspect);
            double height = Math.Sqrt(area / aspect);
            if (width <= 1 && height <= 1)
                return (width, height);
        }

        return (Math.Sqrt(maxScale), Math.Sqrt(maxScale));
    }
}
