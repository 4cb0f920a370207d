using Microsoft.ML.Data;
using Microsoft.ML.Sla.Images;
using SkiaSharp;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>A path, a stream and bytes in memory give one answer.</summary>
public sealed class ImageSourceTests : FolderTest
{
    private const int Side = 40;

    public static TheoryData<string> Kinds => ["jpg", "turned.jpg", "png", "turned.png", "webp", "gif", "bmp", "ico"];

    public static TheoryData<string, string> Unusable => new()
    {
        { "empty", "it is empty" },
        { "text", "it is not an image of a supported kind" },
        { "tiff", "it is not an image of a supported kind" },
        { "header only", "it is not an image, or it is cut off" },
        { "cut jpg", "it is cut off" },
        { "cut png", "it is cut off" },
        { "cut gif", "it is cut off" },
        { "cut bmp", "it is cut off" },
        { "cut webp", "cut off" },
        { "cmyk", "it is a JPEG in the printing colours CMYK" },
        { "large", "it has 20000 x 20000 pixels" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_same_file_has_the_same_pixels_from_everywhere(string kind)
    {
        byte[] file = FileOf(kind);
        foreach (int decodeSide in new[] { UprightImage.FullSize, 10 })
        {
            using var expected = UprightImage.Load(Save(file), decodeSide);
            Assert.True(expected.Pixels.ToArray().Distinct().Count() > 10);
            foreach (var decode in Ways(file, decodeSide))
            {
                using var actual = decode();
                Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
                Assert.Equal(expected.Pixels, actual.Pixels);
            }
        }
    }

    [Theory]
    [InlineData("png")]
    [InlineData("gif")]
    [InlineData("bmp")]
    [InlineData("ico")]
    public void Kinds_without_loss_have_the_pixels_that_were_written(string kind)
    {
        using var image = UprightImage.Decode(FileOf(kind), UprightImage.InMemory, decodeSide: 1);
        byte[] greys = [.. image.Pixels.ToArray().Where((_, i) => i % 4 == 1)];
        Assert.Equal(Ramp(), greys);
    }

    [Theory]
    [MemberData(nameof(Unusable))]
    public void What_cannot_be_used_is_refused_from_everywhere(string kind, string expected)
    {
        byte[] file = UnusableFile(kind);
        string path = Save(file);
        string error = Assert.Throws<InvalidDataException>(() => UprightImage.Load(path, Side)).Message;
        Assert.StartsWith($"The image '{path}' cannot be used: ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        foreach (var decode in Ways(file, Side))
        {
            string other = Assert.Throws<InvalidDataException>(decode).Message;
            Assert.Equal(error.Replace($"The image '{path}'", "The image", StringComparison.Ordinal), other.Replace(" in memory cannot", " cannot", StringComparison.Ordinal).Replace(" in the stream cannot", " cannot", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_stream_is_read_from_where_it_is_and_stays_open()
    {
        byte[] file = FileOf("png");
        using var stream = new MemoryStream([1, 2, 3, .. file]) { Position = 3 };
        using var image = UprightImage.Decode(stream, UprightImage.InStream, UprightImage.FullSize);
        Assert.Equal(Side, image.Width);
        Assert.Equal(stream.Length, stream.Position);

        using var atEnd = new MemoryStream(file) { Position = file.Length };
        Assert.Contains("it is empty", Assert.Throws<InvalidDataException>(() => UprightImage.Decode(atEnd, UprightImage.InStream, Side)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_of_unknown_length_is_read_to_its_end()
    {
        byte[] rows = new byte[3 * 400 * 400];
        new Random(1).NextBytes(rows);
        byte[] file = EncodedImages.Bmp(400, 400, rows);
        using var expected = UprightImage.Decode(file, UprightImage.InMemory, UprightImage.FullSize);
        using var stream = new DrippingStream(file);
        using var actual = UprightImage.Decode(stream, UprightImage.InStream, UprightImage.FullSize);
        Assert.Equal(expected.Pixels, actual.Pixels);
    }

    [Fact]
    public void A_file_of_more_than_1_GiB_is_refused_before_it_is_read()
    {
        using var unread = new UnreadableStream((1L << 30) + 1);
        Assert.Throws<InvalidDataException>(() => UprightImage.Decode(unread, UprightImage.InStream, Side));

        string path = InFolder("long.png");
        using (var stream = File.Create(path))
        {
            stream.Write(FileOf("png"));
            stream.SetLength((1L << 30) + 1); // takes no room on a disk
        }

        string error = Assert.Throws<InvalidDataException>(() => UprightImage.Load(path, Side)).Message;
        Assert.Equal($"The image '{path}' cannot be used: its file has more than 1 GiB.", error);
    }

    [Fact]
    public void A_file_that_may_not_be_read_is_named()
    {
        string path = Save(FileOf("png"));
        using var held = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        string error = Assert.Throws<InvalidDataException>(() => UprightImage.Load(path, Side)).Message;
        Assert.StartsWith($"The image '{path}' cannot be used: it cannot be read.", error, StringComparison.Ordinal);
    }

    /// <summary>
    /// Images with changed bytes: each gives an image or the named error, and none writes where it should not.
    /// </summary>
    [Fact]
    public void Damaged_files_give_an_image_or_an_error_that_names_it()
    {
        var random = new Random(1);
        int images = 0, errors = 0;
        foreach (string kind in Kinds.Select(row => row.Data))
        {
            byte[] whole = FileOf(kind);
            for (int round = 0; round < 200; round++)
            {
                byte[] file = (byte[])whole.Clone();
                int changes = random.Next(1, 6);
                for (int i = 0; i < changes; i++)
                    file[random.Next(Math.Min(file.Length, i % 2 == 0 ? 80 : file.Length))] = (byte)random.Next(256);
                try
                {
                    using var image = UprightImage.Decode(file, UprightImage.InMemory, random.Next(1, 64), pixelLimit: 4_000_000);
                    Assert.InRange((long)image.Width * image.Height, 1, 1_000_000);
                    images++;
                }
                catch (InvalidDataException exception)
                {
                    Assert.StartsWith("The image in memory cannot be used: ", exception.Message, StringComparison.Ordinal);
                    errors++;
                }
            }
        }

        Assert.True(images > 100 && errors > 100, $"{images} images, {errors} errors");
    }

    private static List<Func<MLImage>> Ways(byte[] file, int decodeSide) =>
    [
        () => UprightImage.Decode(file, UprightImage.InMemory, decodeSide),
        () => UprightImage.Decode(new MemoryStream(file), UprightImage.InStream, decodeSide),
        () => UprightImage.Decode(new DrippingStream(file), UprightImage.InStream, decodeSide),
    ];

    private static byte[] FileOf(string kind)
    {
        byte[] ramp = Ramp();
        byte[] png = EncodedImages.Png(Side, Side, rows: [.. ramp.Chunk(Side).SelectMany(row => row.Prepend((byte)0))]);
        switch (kind)
        {
            case "png":
                return png;
            case "turned.png":
                return EncodedImages.WithChunk(png, EncodedImages.Chunk("eXIf"u8, EncodedImages.Exif(6, isLittleEndian: true)));
            case "gif":
                return EncodedImages.Gif(Side, Side, 0, 0, Side, Side, [.. ramp.Select(grey => (byte)(grey / 2))]);
            case "bmp":
                return EncodedImages.Bmp(Side, Side, [.. ramp.Chunk(Side).Reverse().SelectMany(row => row).SelectMany(grey => Enumerable.Repeat(grey, 3))]);
            case "ico":
                return EncodedImages.Ico(png);
            default:
                using (var bitmap = SKBitmap.Decode(png))
                using (var data = bitmap.Encode(kind == "webp" ? SKEncodedImageFormat.Webp : SKEncodedImageFormat.Jpeg, 90))
                {
                    byte[] jpeg = data.ToArray();
                    byte[] exif = [.. "Exif\0\0"u8, .. EncodedImages.Exif(6, isLittleEndian: false)];
                    return kind == "turned.jpg" ? [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]] : jpeg;
                }
        }
    }

    private static byte[] UnusableFile(string kind)
    {
        byte[] Cut(string name) => FileOf(name)[..(FileOf(name).Length * 4 / 5)];
        byte[] jpeg = FileOf("jpg");
        return kind switch
        {
            "empty" => [],
            "text" => "<html>no image</html>"u8.ToArray(),
            "tiff" => EncodedImages.Exif(1, isLittleEndian: true),
            "header only" => FileOf("png")[..20],
            "cmyk" => [.. jpeg[..2], 0xFF, 0xC0, 0, 20, 8, 0, Side, 0, Side, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0, .. jpeg[2..]],
            "large" => EncodedImages.Png(20_000, 20_000, hasPixels: false),
            _ => Cut(kind["cut ".Length..]),
        };
    }

    /// <summary>Greys that rise by two along rows, which differ.</summary>
    private static byte[] Ramp() => [.. Enumerable.Range(0, Side * Side).Select(i => (byte)(2 * ((i % Side) + (2 * (i / Side)))))];

    private string Save(byte[] content)
    {
        string path = Path.Combine(Folder, Path.GetRandomFileName());
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>A stream, as from a network, whose length is not known and that gives a few bytes at a time.</summary>
    private sealed class DrippingStream(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7)]);
    }

    private sealed class UnreadableStream(long length) : MemoryStream
    {
        public override long Length => length;

        public override int Read(Span<byte> buffer) => throw new InvalidOperationException("It is not to be read.");
    }
}
