using System.Buffers;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.Sla.Images;

/// <summary>
/// Decodes images upright. A file, a stream and bytes in memory give the same pixels, and are refused for the same reasons.
/// </summary>
internal static class UprightImage
{
    /// <summary>The decodeSide for the full size.</summary>
    public const int FullSize = int.MaxValue;

    /// <summary>The name of an image without a path in messages.</summary>
    public const string InMemory = "The image in memory";

    /// <summary>The name of an image from a stream in messages.</summary>
    public const string InStream = "The image in the stream";

    /// <summary>Decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
    /// <param name="pixelLimit">
    /// The largest width times height that the image may declare. A quarter of it may be in memory at once.
    /// </param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    public static MLImage Load(string path, int decodeSide, long pixelLimit = PixelLimit.Default)
    {
        string name = NameOf(path);
        using var bytes = ReadFile(path, name);
        return Decode(bytes.Span, name, decodeSide, pixelLimit);
    }

    /// <summary>Reads a file asynchronously and decodes it as <see cref="Load"/> does.</summary>
    /// <param name="path">The file.</param>
    /// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
    /// <param name="pixelLimit">The largest width times height that the image may declare.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    public static async Task<MLImage> LoadAsync(string path, int decodeSide, long pixelLimit, CancellationToken cancellationToken)
    {
        string name = NameOf(path);
        using var bytes = await ReadFileAsync(path, name, cancellationToken).ConfigureAwait(false);
        return Decode(bytes.Span, name, decodeSide, pixelLimit);
    }

    /// <summary>Decodes a stream from the current position to the end.</summary>
    /// <param name="stream">The stream. The caller keeps ownership.</param>
    /// <param name="name">
    /// The name of the image in messages, at the beginning of a sentence, such as <see cref="InStream"/>.
    /// </param>
    /// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
    /// <param name="pixelLimit">
    /// The largest width times height that the image may declare. A quarter of it may be in memory at once.
    /// </param>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    public static MLImage Decode(Stream stream, string name, int decodeSide, long pixelLimit = PixelLimit.Default)
    {
        using var bytes = FileBytes.Read(stream, name);
        return Decode(bytes.Span, name, decodeSide, pixelLimit);
    }

    /// <summary>Reads a stream asynchronously and decodes it as <see cref="Decode(Stream, string, int, long)"/> does.</summary>
    /// <param name="stream">The stream. The caller keeps ownership.</param>
    /// <param name="name">The name of the image in messages, at the beginning of a sentence.</param>
    /// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
    /// <param name="pixelLimit">The largest width times height that the image may declare.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    public static async Task<MLImage> DecodeAsync(Stream stream, string name, int decodeSide, long pixelLimit, CancellationToken cancellationToken)
    {
        using var bytes = await ReadAsync(stream, name, cancellationToken).ConfigureAwait(false);
        return Decode(bytes.Span, name, decodeSide, pixelLimit);
    }

    /// <summary>Decodes the bytes of a file.</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="name">
    /// The name of the image in messages, at the beginning of a sentence, such as <see cref="InMemory"/>.
    /// </param>
    /// <param name="decodeSide">The least length of the decoded image's shorter side, in pixels.</param>
    /// <param name="pixelLimit">
    /// The largest width times height that the image may declare. A quarter of it may be in memory at once.
    /// </param>
    /// <exception cref="InvalidDataException">The bytes are not a usable image; the message says why.</exception>
    public static MLImage Decode(ReadOnlySpan<byte> file, string name, int decodeSide, long pixelLimit = PixelLimit.Default)
    {
        if (file.IsEmpty)
            throw Unusable(name, "it is empty");
        if (!IsReadable(file))
            throw Unusable(name, "it is not an image of a supported kind: JPEG, PNG, GIF, WebP, BMP or ICO");

        var stored = DecodeStored(file, name, decodeSide, new PixelLimit(pixelLimit), out var origin);
        return MLNetInternals.Image(Turn(stored, origin));
    }

    /// <summary>The name of a file in messages.</summary>
    private static string NameOf(string path)
    {
        if (path.Length == 0)
            throw new InvalidDataException("The path of the image is empty.");
        return File.Exists(path) ? $"The image '{path}'" : throw new FileNotFoundException($"There is no image file '{path}'.", path);
    }

    private static FileBytes ReadFile(string path, string name)
    {
        try
        {
            using var stream = Open(path, FileOptions.None);
            return FileBytes.Read(stream, name);
        }
        catch (Exception exception) when (IsOfReading(exception))
        {
            throw Unreadable(name, exception);
        }
    }

    private static async Task<FileBytes> ReadFileAsync(string path, string name, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = Open(path, FileOptions.Asynchronous);
            return await ReadAsync(stream, name, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsOfReading(exception))
        {
            throw Unreadable(name, exception);
        }
    }

    private static async Task<FileBytes> ReadAsync(Stream stream, string name, CancellationToken cancellationToken)
    {
        const int ChunkLength = 1 << 16;
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkLength);
        var bytes = FileBytes.Empty();
        try
        {
            int read;
            while ((read = await stream.ReadAsync(chunk, cancellationToken).ConfigureAwait(false)) > 0)
                bytes.Append(chunk.AsSpan(0, read), name);
            return bytes;
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private static FileStream Open(string path, FileOptions options) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, options);

    private static bool IsOfReading(Exception exception) => exception is UnauthorizedAccessException or (IOException and not FileNotFoundException);

    private static InvalidDataException Unreadable(string name, Exception exception) =>
        new($"{name} cannot be used: it cannot be read. {exception.Message}", exception);

    /// <summary>
    /// Whether the file begins like one of the supported kinds. The decoder would treat any other file as a camera's raw image, for which it
    /// allocates memory without a limit.
    /// </summary>
    private static bool IsReadable(ReadOnlySpan<byte> file) =>
        IsJpeg(file)
        || IsPng(file)
        || file.StartsWith("GIF87a"u8)
        || file.StartsWith("GIF89a"u8)
        || (file.StartsWith("RIFF"u8) && file.Length >= 14 && file[8..].StartsWith("WEBPVP"u8))
        || file.StartsWith("BM"u8)
        || file.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]);

    private static bool IsJpeg(ReadOnlySpan<byte> file) => file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]);

    private static bool IsPng(ReadOnlySpan<byte> file) => file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

    /// <summary>
    /// Decodes the stored pixels, and reads how they must be turned. The decoder's own memory is freed.
    /// </summary>
    private static unsafe SKBitmap DecodeStored(ReadOnlySpan<byte> file, string name, int decodeSide, PixelLimit limit, out SKEncodedOrigin origin)
    {
        var jpeg = IsJpeg(file) ? JpegHeader.Read(file) : default;
        if (jpeg.IsCmyk)
            throw Unusable(name, "it is a JPEG in the printing colours CMYK; convert it to RGB");

        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);
            using var codec = SKCodec.Create(data) ?? throw Unusable(name, "it is not an image, or it is cut off");
            var declared = codec.Info.Size;
            var size = Size(codec, decodeSide);
            var held = jpeg.IsInOneScan ? size : declared;
            if (limit.Refuse(declared.Width, declared.Height, (long)held.Width * held.Height, jpeg.IsInOneScan) is { } reason)
                throw Unusable(name, reason);

            origin = IsPng(file) ? ExifOrientation.OfPng(file) : codec.EncodedOrigin;
            var pixels = NewBitmap(size.Width, size.Height);
            var result = codec.GetPixels(pixels.Info, pixels.GetPixels(), pixels.RowBytes, SKCodecOptions.Default);
            if (result == SKCodecResult.Success)
                return pixels;

            pixels.Dispose();
            throw Unusable(name, result == SKCodecResult.IncompleteInput ? "it is cut off" : $"it is damaged, or cut off ({result})");
        }
    }

    /// <summary>
    /// The smallest size that the codec itself can decode, at least an eighth, whose shorter side is long enough.
    /// </summary>
    private static SKSizeI Size(SKCodec codec, int decodeSide)
    {
        // Never asks for another size of an ICO file: if it has one large image, the codec finds no such size and reads
        // beyond its list.
        ReadOnlySpan<float> scales = codec.EncodedFormat is SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Webp ? [1 / 8f, 1 / 4f, 1 / 2f] : [];
        foreach (float scale in scales)
        {
            var size = codec.GetScaledDimensions(scale);
            if (Math.Min(size.Width, size.Height) >= decodeSide)
                return size;
        }

        return codec.Info.Size;
    }

    /// <summary>
    /// Turns and mirrors the pixels as the EXIF orientations 1 to 8 require. Disposes the stored pixels.
    /// </summary>
    private static SKBitmap Turn(SKBitmap stored, SKEncodedOrigin origin)
    {
        if (origin == SKEncodedOrigin.TopLeft)
            return stored;

        using (stored)
        {
            bool isTransposed = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
            bool fromRight = origin is SKEncodedOrigin.TopRight or SKEncodedOrigin.BottomRight or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
            bool fromBottom = origin is SKEncodedOrigin.BottomRight or SKEncodedOrigin.BottomLeft or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom;
            var (width, height) = (stored.Width, stored.Height);
            var (uprightWidth, uprightHeight) = isTransposed ? (height, width) : (width, height);
            var upright = NewBitmap(uprightWidth, uprightHeight);
            var source = PixelsOf(stored);
            var target = PixelsOf(upright);
            int next = 0;
            for (int y = 0; y < uprightHeight; y++)
            {
                for (int x = 0; x < uprightWidth; x++)
                {
                    var (column, row) = isTransposed ? (y, x) : (x, y);
                    column = fromRight ? width - 1 - column : column;
                    row = fromBottom ? height - 1 - row : row;
                    target[next++] = source[(row * width) + column];
                }
            }

            return upright;
        }
    }

    /// <exception cref="InsufficientMemoryException">Memory runs out.</exception>
    private static SKBitmap NewBitmap(int width, int height)
    {
        var bitmap = new SKBitmap();
        if (bitmap.TryAllocPixels(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Premul)))
            return bitmap;

        bitmap.Dispose();
        throw new InsufficientMemoryException($"There is no memory for an image of {width} x {height} pixels.");
    }

    private static unsafe Span<uint> PixelsOf(SKBitmap bitmap) => new((void*)bitmap.GetPixels(), bitmap.Width * bitmap.Height);

    private static InvalidDataException Unusable(string name, string reason) => new($"{name} cannot be used: {reason}.");
}
