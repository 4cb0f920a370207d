using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>Makes batches of images and labels on a device.</summary>
/// <param name="shape">Shape of the images.</param>
/// <param name="device">Where the batches go.</param>
/// <param name="scale">Factor on the byte values.</param>
/// <param name="offset">What is added to the scaled values.</param>
internal sealed class BatchLoader(ImageShape shape, Device device, float scale, float offset)
{
    /// <summary>Loads the next images of a sequence.</summary>
    /// <param name="images">The sequence.</param>
    /// <param name="count">B.</param>
    /// <param name="augmentation">The base augmentation, or null for the images as they are.</param>
    /// <param name="random">What the augmentation is drawn from, row by row.</param>
    /// <returns>B x C*H*W float values, and B class labels (int64). The caller disposes both.</returns>
    public (Tensor Images, Tensor Labels) Load(ImageSequence images, int count, CropAndFlip? augmentation, Random random)
    {
        using Tensor bytes = empty([count, shape.Length], ScalarType.Byte);
        using Tensor labels = empty([count], ScalarType.Int64);
        Span<byte> pixels = bytes.bytes;
        var classes = labels.data<long>();
        var plain = new byte[shape.Length];
        for (int i = 0; i < count; i++)
        {
            Span<byte> image = pixels.Slice(i * shape.Length, shape.Length);
            classes[i] = images.Next(augmentation is null ? image : plain);
            augmentation?.Apply(plain, image, random);
        }

        using Tensor onDevice = bytes.to(device);
        Tensor values = onDevice.to(ScalarType.Float32).mul_(scale).add_(offset);
        return (values, labels.to(device, copy: true));
    }
}
