using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>Makes batches of images and labels on a device.</summary>
internal sealed class BatchLoader : IDisposable
{
    private readonly ImageShape _shape;
    private readonly Tensor _scale;
    private readonly Tensor _offset;

    /// <param name="shape">Shape of the images.</param>
    /// <param name="normalization">How pixel values are normalised for the network.</param>
    /// <param name="device">The device of the batches.</param>
    public BatchLoader(ImageShape shape, PixelNormalization normalization, Device device)
    {
        _shape = shape;
        Device = device;
        var (scale, offset) = normalization.ForBytes(shape.Channels);
        _scale = tensor(scale, [shape.Channels, 1, 1], device: device);
        _offset = tensor(offset, [shape.Channels, 1, 1], device: device);
    }

    /// <summary>The device of the batches.</summary>
    public Device Device { get; }

    /// <summary>Loads the next images of a sequence.</summary>
    /// <param name="images">The sequence.</param>
    /// <param name="count">B.</param>
    /// <returns>The batch, which the caller disposes.</returns>
    /// <exception cref="InsufficientMemoryException">The batch does not fit into an array.</exception>
    public AugmentedBatch Load(ImageSequence images, int count)
    {
        if ((long)count * _shape.Length > Array.MaxLength)
        {
            throw new InsufficientMemoryException(
                $"{count} images of {_shape} at once are {(long)count * _shape.Length} bytes, and at most {Array.MaxLength} are possible");
        }

        using Tensor bytes = empty([count, _shape.Channels, _shape.Height, _shape.Width], ScalarType.Byte);
        using Tensor labels = empty([count], ScalarType.Int64);
        Span<byte> pixels = bytes.bytes;
        var classes = labels.data<long>();
        for (int i = 0; i < count; i++)
            classes[i] = images.Next(pixels.Slice(i * _shape.Length, _shape.Length));

        using Tensor onDevice = bytes.to(Device);
        return new AugmentedBatch(onDevice.to(ScalarType.Float32), labels.to(Device, copy: true));
    }

    /// <summary>Normalises values of 0 to 255 for the network, in place.</summary>
    /// <param name="images">B x C x H x W floats.</param>
    /// <param name="type">The type to compute in.</param>
    /// <returns>The normalised values, B x C*H*W of that type. The caller disposes them.</returns>
    public Tensor Normalize(Tensor images, ScalarType type = ScalarType.Float32)
    {
        using Tensor rows = images.mul_(_scale).Add(_offset).reshape(-1, _shape.Length);
        return rows.to(type);
    }

    public void Dispose()
    {
        _scale.Dispose();
        _offset.Dispose();
    }
}
