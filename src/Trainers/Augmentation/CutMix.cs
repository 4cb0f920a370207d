using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.CutMix"/>.</summary>
internal sealed class CutMix(double alpha, double probability) : ImageAugmentation
{
    public override string ToString() => FormattableString.Invariant($"CutMix({alpha}, {probability})");

    internal override bool Mixes => true;

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        long[] partners = random.Permutation(batch.Count);
        Box[] boxes = [.. Enumerable.Range(0, batch.Count).Select(_ => DrawBox(batch, random))];
        Mix(batch, partners, boxes);
    }

    /// <summary>Copies the partners' pixels in the boxes into the images.</summary>
    internal static void Mix(AugmentedBatch batch, long[] partners, Box[] boxes)
    {
        using var scope = NewDisposeScope();
        Tensor others = batch.Images.index_select(0, tensor(partners, device: batch.Device));
        Tensor inside = Box.Mask(boxes, batch.Height, batch.Width, batch.Device);
        batch.Replace(where(inside, others, batch.Images));

        // The share is that of the copied pixels, because a box at the border is clipped.
        float area = batch.Height * batch.Width;
        batch.MixLabels(partners, [.. boxes.Select(box => 1 - (box.Area / area))]);
    }

    private Box DrawBox(AugmentedBatch batch, Random random)
    {
        bool isMixed = random.NextDouble() < probability;
        double side = Math.Sqrt(1 - random.Beta(alpha));
        var box = Box.Random(random, batch.Width, batch.Height, (int)(side * batch.Width), (int)(side * batch.Height));
        return isMixed ? box : default;
    }
}
