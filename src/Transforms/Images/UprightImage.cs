using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.Sla.Images;

/// <summary>Decodes an image file the right way up.</summary>
internal static class UprightImage
{
    /// <param name="path">The file.</param>
    /// <param name="decodeSide">The shorter side that is enough.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no image that can be used; the message names it and says why.</exception>
    public static MLImage Load(string path, int decodeSide)
    {
        if (path.Length == 0)
            throw new InvalidDataException("The path of the image is empty.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no image file '{path}'.", path);

        if (new FileInfo(path).Length == 0)
            throw Unusable(path, "it is empty");

        using var data = SKData.Create(path) ?? throw Unusable(path, "it cannot be opened");
        if (JpegHeader.IsCmyk(data.AsSpan()))
            throw Unusable(path, "it is a JPEG in the printing colours CMYK; convert it to RGB");
        using var codec = SKCodec.Create(data) ?? throw Unusable(path, "it is not an image, or cut off");

        var size = Size(codec, decodeSide);
        var pixels = new uint[size.Width * size.Height];
        var result = Decode(codec, size, pixels);
        if (result != SKCodecResult.Success)
            throw Unusable(path, result == SKCodecResult.IncompleteInput ? "it is cut off" : $"it cannot be decoded ({result})");

        var (upright, width, height) = Turn(pixels, size.Width, size.Height, codec.EncodedOrigin);
        return MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, MemoryMarshal.AsBytes<uint>(upright));
    }

    /// <summary>The smallest size that the codec makes by itself, an eighth at least, whose shorter side is long enough.</summary>
    private static SKSizeI Size(SKCodec codec, int decodeSide)
    {
        foreach (float scale in (ReadOnlySpan<float>)[1 / 8f, 1 / 4f, 1 / 2f])
        {
            var size = codec.GetScaledDimensions(scale);
            if (Math.Min(size.Width, size.Height) >= decodeSide)
                return size;
        }

        return new SKSizeI(codec.Info.Width, codec.Info.Height);
    }

    private static unsafe SKCodecResult Decode(SKCodec codec, SKSizeI size, uint[] pixels)
    {
        fixed (uint* target = pixels)
            return codec.GetPixels(new SKImageInfo(size.Width, size.Height, SKColorType.Bgra8888, SKAlphaType.Premul), (nint)target);
    }

    /// <summary>Moves the pixels to where they belong, by the meaning of the EXIF orientations 1 to 8.</summary>
    private static (uint[] Pixels, int Width, int Height) Turn(uint[] stored, int width, int height, SKEncodedOrigin origin)
    {
        if (origin == SKEncodedOrigin.TopLeft)
            return (stored, width, height);

        bool isTransposed = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        bool fromRight = origin is SKEncodedOrigin.TopRight or SKEncodedOrigin.BottomRight or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        bool fromBottom = origin is SKEncodedOrigin.BottomRight or SKEncodedOrigin.BottomLeft or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom;
        var (uprightWidth, uprightHeight) = isTransposed ? (height, width) : (width, height);
        var upright = new uint[stored.Length];
        for (int y = 0; y < uprightHeight; y++)
        {
            for (int x = 0; x < uprightWidth; x++)
            {
                var (column, row) = isTransposed ? (y, x) : (x, y);
                column = fromRight ? width - 1 - column : column;
                row = fromBottom ? height - 1 - row : row;
                upright[(y * uprightWidth) + x] = stored[(row * width) + column];
            }
        }

        return (upright, uprightWidth, uprightHeight);
    }

    private static InvalidDataException Unusable(string path, string reason) => new($"The image '{path}' cannot be used: {reason}.");
}
