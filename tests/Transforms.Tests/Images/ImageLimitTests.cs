using Microsoft.ML.Data;
using Microsoft.ML.Sla.Images;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>How large an image may be, whatever a file declares.</summary>
public sealed class ImageLimitTests : FolderTest
{
    private const string Name = "The image 'a'";

    public static TheoryData<string, int, int> Wrapping => new()
    {
        { "gif", 65537, 65536 }, // 65536 in 32 bits; an image beyond its canvas makes the canvas larger
        { "gif", 131070, 131070 }, // negative
        { "png", 131072, 32769 },
        { "png", 60000, 60000 },
        { "png", int.MaxValue, 3 },
        { "ico", 65536, 65537 },
        { "jpeg", 65500, 65300 },
        { "bmp", 65535, 65535 },
    };

    [Theory]
    [MemberData(nameof(Wrapping))]
    public void Sizes_that_32_bits_do_not_hold_are_refused(string kind, int width, int height)
    {
        byte[] file = kind switch
        {
            "gif" => EncodedImages.Gif(24, 20, width - 65535, height - 65535, 65535, 65535),
            "png" => EncodedImages.Png(width, height, hasPixels: false),
            "ico" => EncodedImages.Ico(EncodedImages.Png(width, height, hasPixels: false)),
            "jpeg" => EncodedImages.Jpeg(width, height, hasPixels: false),
            _ => EncodedImages.Bmp(width, height, []),
        };

        if (width == int.MaxValue)
        {
            Assert.Contains("not an image", Refused(file), StringComparison.Ordinal); // libpng has a limit of its own
            return;
        }

        string size = $"it has {width} x {height} pixels";
        Assert.Contains($"{size}, and pixelLimit allows 200,000,000 in all", Refused(file), StringComparison.Ordinal);
        Assert.Contains($"{size}, of which ", Refused(file, limit: long.MaxValue), StringComparison.Ordinal);
        Assert.Contains("the limit is 536,870,911, the most that ML.NET supports", Refused(file, limit: long.MaxValue), StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_has_at_most_a_quarter_of_the_limit_in_memory()
    {
        byte[] png = EncodedImages.Png(20, 10);
        Accepted(png, 20, 10, UprightImage.FullSize, 800);
        Assert.Equal(
            "The image 'a' cannot be used: it has 20 x 10 pixels, of which 200 must be in memory at once; the limit is 199, a quarter of pixelLimit. "
            + "Save it smaller, or raise pixelLimit.",
            Refused(png, UprightImage.FullSize, 799));
        Assert.Equal(
            "The image 'a' cannot be used: it has 20 x 10 pixels, and pixelLimit allows 199 in all. Save it smaller, or raise pixelLimit.",
            Refused(png, UprightImage.FullSize, 199));
    }

    [Fact]
    public void The_default_is_50_million_pixels_at_full_size_and_200_million_reduced()
    {
        Accepted(EncodedImages.Png(7_000, 7_000, depth: 1), 7_000, 7_000);
        Assert.Contains("the limit is 50,000,000", Refused(EncodedImages.Png(7_100, 7_100, depth: 1)), StringComparison.Ordinal);

        byte[] jpeg = EncodedImages.Jpeg(14_000, 14_000);
        Accepted(jpeg, 1_750, 1_750, decodeSide: 1_750);
        Assert.Contains("Give decodeSide", Refused(jpeg), StringComparison.Ordinal);
        Assert.Contains("allows 200,000,000 in all", Refused(EncodedImages.Jpeg(14_200, 14_200, hasPixels: false), decodeSide: 8), StringComparison.Ordinal);
    }

    [Fact]
    public void A_JPEG_that_is_held_whole_is_counted_at_full_size()
    {
        Accepted(EncodedImages.Jpeg(64, 64), 8, 8, decodeSide: 8, limit: 64 * 64);
        foreach (byte[] jpeg in new[] { EncodedImages.Jpeg(64, 64, isProgressive: true), EncodedImages.Jpeg(64, 64, isInOneScan: false) })
        {
            Accepted(jpeg, 8, 8, decodeSide: 8, limit: 4 * 64 * 64);
            string error = Refused(jpeg, decodeSide: 8, limit: (4 * 64 * 64) - 1);
            Assert.Contains("of which 4,096 must be in memory at once", error, StringComparison.Ordinal);
            Assert.DoesNotContain("decodeSide", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_between_the_segments_of_a_JPEG_hides_nothing_of_its_header()
    {
        byte[] Stuffed(byte[] jpeg) => [0xFF, 0xD8, 0xFF, 0xFF, 0xFE, 0, 4, 0xFF, 0xDA, 7, 0xFF, 0, 7, 0xFF, .. jpeg[2..]];
        Accepted(Stuffed(EncodedImages.Jpeg(64, 64)), 8, 8, decodeSide: 8, limit: 64 * 64);
        Assert.Contains(
            "4,096 must be in memory", Refused(Stuffed(EncodedImages.Jpeg(64, 64, isProgressive: true)), decodeSide: 8, limit: 64 * 64), StringComparison.Ordinal);

        byte[] cmyk = [0xFF, 0xD8, 0xFF, 0xC0, 0, 20, 8, 0, 64, 0, 64, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0];
        Assert.Contains("CMYK", Refused(Stuffed(cmyk)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_ICO_file_with_a_large_image_is_read_at_its_size()
    {
        Accepted(EncodedImages.Ico(EncodedImages.Png(5_000, 5_000, depth: 1)), 5_000, 5_000, decodeSide: 10);
        Accepted(EncodedImages.Ico(EncodedImages.Png(16, 16), EncodedImages.Png(32, 32)), 32, 32, decodeSide: 10);
    }

    [Fact]
    public void The_option_of_the_pipeline_is_the_limit()
    {
        string path = InFolder("image.png");
        File.WriteAllBytes(path, EncodedImages.Png(20, 10));
        var mlContext = new MLContext();
        var rows = mlContext.Data.LoadFromEnumerable(new[] { new Row { File = path } });
        MLImage Load(long limit)
        {
            var view = mlContext.Transforms.LoadUprightImages("Image", "File", pixelLimit: limit).Fit(rows).Transform(rows);
            return view.GetColumn<MLImage>("Image").Single();
        }

        Assert.Equal(20, Load(800).Width);
        string error = Assert.ThrowsAny<Exception>(() => Load(799)).Message;
        Assert.Contains($"The image '{path}' cannot be used: it has 20 x 10 pixels", error, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => mlContext.Transforms.LoadUprightImages("Image", "File", pixelLimit: 0));
    }

    private static void Accepted(byte[] file, int width, int height, int decodeSide = UprightImage.FullSize, long limit = PixelLimit.Default)
    {
        using var image = UprightImage.Decode(file, Name, decodeSide, limit);
        Assert.Equal((width, height), (image.Width, image.Height));
    }

    private static string Refused(byte[] file, int decodeSide = UprightImage.FullSize, long limit = PixelLimit.Default)
    {
        string error = Assert.Throws<InvalidDataException>(() => UprightImage.Decode(file, Name, decodeSide, limit)).Message;
        Assert.StartsWith($"{Name} cannot be used: ", error, StringComparison.Ordinal);
        return error;
    }

    private sealed class Row
    {
        public string File { get; set; } = "";
    }
}
