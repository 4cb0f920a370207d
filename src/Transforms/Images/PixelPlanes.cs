using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Images;

/// <summary>Pixels as planes, C x H x W.</summary>
internal static class PixelPlanes
{
    private const int BytesOfPixel = 4;

    /// <summary>Makes an image of pixels. The caller owns it.</summary>
    /// <param name="pixels">C x H x W bytes, red first, or one plane of grey.</param>
    /// <param name="shape">The shape.</param>
    /// <exception cref="ArgumentException">The number of pixels is not that of the shape, or the shape is none of an image.</exception>
    public static MLImage ToImage(ReadOnlySpan<byte> pixels, ImageShape shape)
    {
        if (shape is not { Channels: 1 or 3, Height: > 0, Width: > 0 })
            throw new ArgumentException($"The shape is {shape}, and an image has 1 or 3 channels and 1 or more rows and columns.", nameof(shape));
        long length = (long)shape.Channels * shape.Height * shape.Width;
        if (pixels.Length != length)
            throw new ArgumentException($"There are {pixels.Length} pixel values, and images of {shape} have {length}.", nameof(pixels));

        int size = shape.Height * shape.Width;
        byte[] interleaved = new byte[BytesOfPixel * size];
        for (int i = 0; i < size; i++)
        {
            var pixel = interleaved.AsSpan(BytesOfPixel * i, BytesOfPixel);
            for (int channel = 0; channel < 3; channel++)
                pixel[channel] = pixels[(channel % shape.Channels * size) + i];
            pixel[3] = byte.MaxValue;
        }

        return MLImage.CreateFromPixels(shape.Width, shape.Height, MLPixelFormat.Rgba32, interleaved);
    }
}
