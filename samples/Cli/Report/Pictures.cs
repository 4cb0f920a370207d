using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
using SkiaSharp;

namespace Sla.Report;

/// <summary>An image as data addresses of PNG files: upright, and its M views at the size at which the network sees them.</summary>
internal sealed record Pictures(string Upright, IReadOnlyList<string> Views)
{
    private const string SeenColumn = "Sla.Seen";

    /// <summary>The longer side, in pixels, that is enough for the report: a large image would be in it whole.</summary>
    private const int ShownSide = 448;

    /// <summary>The pictures of each image of a view.</summary>
    public static IReadOnlyList<Pictures> Of(MLContext mlContext, SlaTransformer model, IDataView images)
    {
        var pictures = new List<Pictures>();
        var seenImages = AsSeen(mlContext, model, images);
        using var cursor = seenImages.GetRowCursor(seenImages.Schema);
        var getUpright = cursor.GetGetter<MLImage>(seenImages.Schema[model.FeatureColumnName]);
        var getSeen = cursor.GetGetter<MLImage>(seenImages.Schema[SeenColumn]);
        MLImage upright = null!, seen = null!;
        while (cursor.MoveNext())
        {
            getUpright(ref upright);
            getSeen(ref seen);
            byte[] planes = Planes(seen, model.ImageShape);
            pictures.Add(new Pictures(Shown(upright), [.. model.Transformations.Select(t => Png(t.Apply<byte>(planes, model.ImageShape), model.ImageShape))]));
        }

        return pictures;
    }

    /// <summary>Adds the images as they are brought to the network.</summary>
    private static IDataView AsSeen(MLContext mlContext, SlaTransformer model, IDataView images)
    {
        var shape = model.ImageShape;
        var resized = mlContext.Transforms.ResizeImages(SeenColumn, shape.Width, shape.Height, model.FeatureColumnName, model.Resizing).Fit(images).Transform(images);
        return shape.Channels == 1 ? mlContext.Transforms.ConvertToGrayscale(SeenColumn).Fit(resized).Transform(resized) : resized;
    }

    /// <summary>Pixels of blue, green, red and alpha as planes of red, green and blue, or of grey.</summary>
    private static byte[] Planes(MLImage image, ImageShape shape)
    {
        const int Red = 2, Bytes = 4;
        int pixels = shape.Height * shape.Width;
        byte[] planes = new byte[shape.Length];
        for (int i = 0; i < planes.Length; i++)
            planes[i] = image.Pixels[(i % pixels * Bytes) + Red - (i / pixels)];
        return planes;
    }

    private static string Png(byte[] planes, ImageShape shape)
    {
        int pixels = shape.Height * shape.Width;
        byte[] interleaved = new byte[4 * pixels];
        for (int i = 0; i < pixels; i++)
        {
            for (int color = 0; color < 3; color++)
                interleaved[(4 * i) + 2 - color] = planes[(color % shape.Channels * pixels) + i];
            interleaved[(4 * i) + 3] = byte.MaxValue;
        }

        return Png(interleaved, shape.Width, shape.Height);
    }

    /// <summary>The image, reduced where it is larger than the report shows it.</summary>
    private static string Shown(MLImage image)
    {
        double scale = (double)ShownSide / Math.Max(image.Width, image.Height);
        if (scale >= 1)
            return Png(image.Pixels, image.Width, image.Height);

        using var whole = SKImage.FromPixelCopy(Info(image.Width, image.Height), image.Pixels);
        using var reduced = new SKBitmap(Info(Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale))));
        using var target = reduced.PeekPixels();
        whole.ScalePixels(target, SKFilterQuality.Medium);
        return Png(reduced.GetPixelSpan(), reduced.Width, reduced.Height);
    }

    private static string Png(ReadOnlySpan<byte> pixels, int width, int height)
    {
        using var image = SKImage.FromPixelCopy(Info(width, height), pixels);
        using var png = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        return $"data:image/png;base64,{Convert.ToBase64String(png.AsSpan())}";
    }

    private static SKImageInfo Info(int width, int height) => new(width, height, SKColorType.Bgra8888, SKAlphaType.Premul);
}
