using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>A batch of images and their labels while base augmentation changes them. It owns both, regardless of their dispose scope.</summary>
/// <param name="images">B x C x H x W floats of 0 to 255.</param>
/// <param name="labels">B class labels (int64).</param>
internal sealed class AugmentedBatch(Tensor images, Tensor labels) : IDisposable
{
    public Tensor Images { get; private set; } = images.DetachFromDisposeScope();

    public ClassTargets Targets { get; private set; } = new(labels.DetachFromDisposeScope());

    public int Count => (int)Images.shape[0];

    public int Height => (int)Images.shape[2];

    public int Width => (int)Images.shape[3];

    public Device Device => Images.device;

    /// <summary>Replaces the images, and disposes the former ones.</summary>
    public void Replace(Tensor images)
    {
        Images.Dispose();
        Images = images.DetachFromDisposeScope();
    }

    /// <summary>Gives each image the label of its partner as a second label.</summary>
    /// <param name="partners">The index of each image's partner, B numbers.</param>
    /// <param name="shares">The share of each image's own label, B numbers of 0 to 1.</param>
    public void MixLabels(long[] partners, float[] shares)
    {
        using Tensor numbers = tensor(partners, device: Device);
        Targets = Targets with
        {
            OtherLabels = Targets.Labels.index_select(0, numbers).DetachFromDisposeScope(),
            Shares = tensor(shares, device: Device).DetachFromDisposeScope(),
        };
    }

    /// <summary>A value for each image, as B x 1 x 1 x 1.</summary>
    public Tensor PerImage(float[] values) => Layout.PerImage(values, Device);

    public void Dispose()
    {
        Images.Dispose();
        Targets.Dispose();
    }
}
