using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.Mixup"/>.</summary>
internal sealed class Mixup(double alpha, double probability) : ImageAugmentation
{
    public override string ToString() => FormattableString.Invariant($"Mixup({alpha}, {probability})");

    internal override bool Mixes => true;

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        long[] partners = random.Permutation(batch.Count);
        Mix(batch, partners, RandomExtensions.ForEach(batch.Count, () => DrawShare(random)));
    }

    /// <summary>Takes the mean of the images and their partners, weighted by the images' shares.</summary>
    internal static void Mix(AugmentedBatch batch, long[] partners, float[] shares)
    {
        using var scope = NewDisposeScope();
        Tensor others = batch.Images.index_select(0, tensor(partners, device: batch.Device));
        batch.Replace(lerp(others, batch.Images, batch.PerImage(shares)));
        batch.MixLabels(partners, shares);
    }

    private double DrawShare(Random random)
    {
        bool isMixed = random.NextDouble() < probability;
        double share = random.Beta(alpha);
        return isMixed ? share : 1;
    }
}
