using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>A batch of images and their labels while base augmentation changes them. It owns them, whatever dispose scope they come from.</summary>
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

    /// <summary>Puts other images in place of those there are, which are disposed.</summary>
    public void Replace(Tensor images)
    {
        Images.Dispose();
        Images = images.DetachFromDisposeScope();
    }

    /// <summary>Gives each image a second label, that of its partner.</summary>
    /// <param name="partners">B numbers of images.</param>
    /// <param name="shares">B shares of the image's own label.</param>
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
