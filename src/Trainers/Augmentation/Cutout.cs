using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.Cutout"/>.</summary>
internal sealed class Cutout(int? size) : ImageAugmentation
{
    /// <summary>The middle of the range of values. The usual normalisation maps it to 0.</summary>
    private const float Gray = 127.5f;

    public override string ToString() => size is null ? "Cutout" : $"Cutout({size})";

    internal override string? Objection(ImageShape shape) => size is null || size <= Math.Min(shape.Width, shape.Height)
        ? null
        : $"The square of Cutout({size}) is larger than images of {shape}. Give one of at most {Math.Min(shape.Width, shape.Height)} pixels in Augmentations.";

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        int side = size ?? Math.Min(batch.Width, batch.Height) / 2;
        Box[] boxes = [.. Enumerable.Range(0, batch.Count).Select(_ => Box.Random(random, batch.Width, batch.Height, side, side))];
        using Tensor inside = Box.Mask(boxes, batch.Height, batch.Width, batch.Device);
        batch.Replace(batch.Images.With(Gray, inside));
    }
}
