using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.RandAugment"/>. Images that draw the same operation are processed together.</summary>
internal sealed class RandAugment(int operations, int magnitude) : ImageAugmentation
{
    public const int LargestMagnitude = 30;

    /// <summary>An operation on some images with a strength of -1 to 1 for each.</summary>
    private delegate Tensor Operation(Tensor images, float[] strengths);

    private static readonly Operation[] Operations =
    [
        (images, _) => images.clone(),
        (images, _) => PixelOperations.AutoContrast(images),
        (images, _) => PixelOperations.Equalize(images),
        (images, strengths) => PixelOperations.Solarize(images, PerImage(images, strengths, s => 256 * (1 - Math.Abs(s)))),
        (images, strengths) => PixelOperations.Posterize(images, PerImage(images, strengths, s => Math.Pow(2, Math.Round(4 * Math.Abs(s))))),
        (images, strengths) => PixelOperations.Saturation(images, PerImage(images, strengths, s => 1 + (0.9 * s))),
        (images, strengths) => PixelOperations.Contrast(images, PerImage(images, strengths, s => 1 + (0.9 * s))),
        (images, strengths) => PixelOperations.Brightness(images, PerImage(images, strengths, s => 1 + (0.9 * s))),
        (images, strengths) => PixelOperations.Sharpness(images, PerImage(images, strengths, s => 1 + (0.9 * s))),
        (images, strengths) => Affine(images, strengths, Rotation),
        (images, strengths) => Affine(images, strengths, (s, _) => [1, (float)(0.3 * s), 0, 0, 1, 0]),
        (images, strengths) => Affine(images, strengths, (s, _) => [1, 0, 0, (float)(0.3 * s), 1, 0]),
        (images, strengths) => Affine(images, strengths, (s, _) => [1, 0, (float)(2 * 0.45 * s), 0, 1, 0]),
        (images, strengths) => Affine(images, strengths, (s, _) => [1, 0, 0, 0, 1, (float)(2 * 0.45 * s)]),
    ];

    public override string ToString() => $"RandAugment({operations}, {magnitude})";

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        using var scope = NewDisposeScope();
        for (int round = 0; round < operations; round++)
        {
            var draws = Enumerable.Range(0, batch.Count)
                .Select(image => (Image: (long)image, Operation: random.Next(Operations.Length), Strength: Strength(random)))
                .ToList();
            foreach (var sameOperation in draws.GroupBy(draw => draw.Operation).OrderBy(group => group.Key))
            {
                using var operationScope = NewDisposeScope();
                Tensor numbers = tensor(sameOperation.Select(draw => draw.Image).ToArray(), device: batch.Device);
                Tensor changed = Operations[sameOperation.Key](batch.Images.index_select(0, numbers), [.. sameOperation.Select(draw => draw.Strength)]);
                batch.Images.index_copy_(0, numbers, changed);
            }
        }
    }

    private float Strength(Random random) => (random.Next(2) == 0 ? -1f : 1f) * magnitude / LargestMagnitude;

    private static Tensor PerImage(Tensor images, float[] strengths, Func<double, double> value) =>
        Layout.PerImage([.. strengths.Select(s => (float)value(s))], images.device);

    private static Tensor Affine(Tensor images, float[] strengths, Func<double, double, float[]> map)
    {
        double widthOverHeight = (double)images.shape[3] / images.shape[2];
        return Sampling.Affine(images, [.. strengths.SelectMany(s => map(s, widthOverHeight))], GridSampleMode.Nearest, GridSamplePaddingMode.Zeros);
    }

    private static float[] Rotation(double strength, double widthOverHeight)
    {
        double angle = strength * 30 * Math.PI / 180;
        float sine = (float)Math.Sin(angle), cosine = (float)Math.Cos(angle);
        return [cosine, (float)(-sine / widthOverHeight), 0, (float)(sine * widthOverHeight), cosine, 0];
    }
}
