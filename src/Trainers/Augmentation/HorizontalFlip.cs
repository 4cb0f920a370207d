using Microsoft.ML.Sla.Data;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.HorizontalFlip"/>.</summary>
internal sealed class HorizontalFlip(double probability) : ImageAugmentation
{
    public override string ToString() => FormattableString.Invariant($"HorizontalFlip({probability})");

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        long[] mirrored = [.. Enumerable.Range(0, batch.Count).Where(_ => random.NextDouble() < probability).Select(image => (long)image)];
        if (mirrored.Length == 0)
            return;

        using var scope = NewDisposeScope();
        Tensor numbers = tensor(mirrored, device: batch.Device);
        batch.Images.index_copy_(0, numbers, batch.Images.index_select(0, numbers).flip(3));
    }
}
