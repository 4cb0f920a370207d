using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>Makes batches of images and labels on a device.</summary>
/// <param name="store">Where the images come from.</param>
/// <param name="device">Where the batches go.</param>
/// <param name="scale">Factor on the byte values.</param>
/// <param name="offset">What is added to the scaled values.</param>
internal sealed class BatchLoader(PixelStore store, Device device, float scale, float offset)
{
    /// <summary>Loads rows of the store.</summary>
    /// <param name="rows">B row numbers.</param>
    /// <param name="augmentation">The base augmentation, or null for the images as they are.</param>
    /// <param name="random">What the augmentation is drawn from, row by row.</param>
    /// <returns>B x C*H*W float values, and B class labels (int64). The caller disposes both.</returns>
    public (Tensor Images, Tensor Labels) Load(ReadOnlySpan<int> rows, CropAndFlip? augmentation, Random random)
    {
        using Tensor bytes = empty([rows.Length, store.Shape.Length], ScalarType.Byte);
        using Tensor labels = empty([rows.Length], ScalarType.Int64);
        Span<byte> pixels = bytes.bytes;
        var classes = labels.data<long>();
        for (int i = 0; i < rows.Length; i++)
        {
            classes[i] = store.Label(rows[i]);
            Span<byte> image = pixels.Slice(i * store.Shape.Length, store.Shape.Length);
            if (augmentation is null)
                store.Pixels(rows[i]).CopyTo(image);
            else
                augmentation.Apply(store.Pixels(rows[i]), image, random);
        }

        using Tensor onDevice = bytes.to(device);
        Tensor images = onDevice.to(ScalarType.Float32).mul_(scale).add_(offset);
        return (images, labels.to(device, copy: true));
    }
}
