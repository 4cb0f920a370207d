using SkiaSharp;

namespace Microsoft.ML.Sla.Fuzz.Seeds;

/// <summary>Small valid images of all formats.</summary>
internal static class ImageSeeds
{
    public const string Photos = "photos";
    public const int PhotoSide = 16;
    public const int PhotosPerClass = 8;

    private static readonly (int Width, int Height)[] Sizes = [(1, 1), (16, 16), (37, 53), (200, 150)];

    public static void Write(string folder)
    {
        var random = new Random(1);
        foreach (var (width, height) in Sizes)
        {
            string name = $"{width}x{height}";
            byte[] indices = new byte[width * height];
            random.NextBytes(indices);
            Save(folder, "image-png", name + ".png", Encode(Picture(width, height, random), SKEncodedImageFormat.Png));
            Save(folder, "image-png", name + "-grey.png", Encode(Picture(width, height, random, SKColorType.Gray8), SKEncodedImageFormat.Png));
            byte[] jpeg = Encode(Picture(width, height, random), SKEncodedImageFormat.Jpeg);
            Save(folder, "image-jpg", name + ".jpg", jpeg);
            Save(folder, "image-jpg", name + "-turned.jpg", WithOrientation(jpeg, orientation: 6));
            Save(folder, "image-webp", name + ".webp", Encode(Picture(width, height, random), SKEncodedImageFormat.Webp));
            Save(folder, "image-webp", name + "-lossless.webp", Encode(Picture(width, height, random), SKEncodedImageFormat.Webp, quality: 100));
            Save(folder, "image-gif", name + ".gif", ImageWriters.Gif(width, height, indices, frames: 1, isInterlaced: false));
            Save(folder, "image-gif", name + "-interlaced.gif", ImageWriters.Gif(width, height, indices, frames: 2, isInterlaced: true));
            Save(folder, "image-bmp", name + ".bmp", ImageWriters.Bmp(width, height, indices, bits: 24));
            Save(folder, "image-bmp", name + "-palette.bmp", ImageWriters.Bmp(width, height, indices, bits: 8));
            Save(folder, "image-bmp", name + "-runs.bmp", ImageWriters.BmpOfRuns(width, height, indices));
            Save(folder, "image-ico", name + ".ico", ImageWriters.Icon(width, height, ImageWriters.IconBitmap(width, height, indices)));
            Save(folder, "image-ico", name + "-png.ico", ImageWriters.Icon(width, height, Encode(Picture(width, height, random), SKEncodedImageFormat.Png)));
        }

        for (int number = 0; number < PhotosPerClass; number++)
        {
            Save(folder, Photos, $"dark-{number}.png", Encode(Picture(PhotoSide, PhotoSide, random, lightest: 128), SKEncodedImageFormat.Png));
            Save(folder, Photos, $"light-{number}.png", Encode(Picture(PhotoSide, PhotoSide, random, darkest: 128), SKEncodedImageFormat.Png));
        }

        Save(folder, "list", "list.tsv", System.Text.Encoding.UTF8.GetBytes("path\tlabel\ndark-0.png\tdark\nlight-0.png\tlight\ndark-1.png\tdark\n"));
    }

    public static void Save(string folder, string kind, string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.Combine(folder, kind));
        File.WriteAllBytes(Path.Combine(folder, kind, name), bytes);
    }

    private static SKBitmap Picture(int width, int height, Random random, SKColorType type = SKColorType.Bgra8888, int darkest = 0, int lightest = 256)
    {
        var bitmap = new SKBitmap(new SKImageInfo(width, height, type, type == SKColorType.Gray8 ? SKAlphaType.Opaque : SKAlphaType.Unpremul));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor(Value(), Value(), Value(), (byte)(random.Next(8) == 0 ? 100 : 255)));
        }

        return bitmap;

        byte Value() => (byte)random.Next(darkest, lightest);
    }

    private static byte[] Encode(SKBitmap picture, SKEncodedImageFormat format, int quality = 80)
    {
        using (picture)
        using (var data = picture.Encode(format, quality))
            return data.ToArray();
    }

    /// <summary>Puts an EXIF segment with an orientation behind the start of a JPEG file.</summary>
    private static byte[] WithOrientation(byte[] jpeg, byte orientation) =>
    [
        .. jpeg.AsSpan(0, 2),
        0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0,
        .. jpeg.AsSpan(2),
    ];
}
