using Microsoft.ML.Data;
using SkiaSharp;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class UprightImageTests : FolderTest
{
    private const int Width = 48;
    private const int Height = 32;

    /// <summary>Colours of the quarters of the test image: top left, top right, bottom left, bottom right.</summary>
    private static readonly SKColor[] Quarters = [SKColors.Red, SKColors.Lime, SKColors.Blue, SKColors.White];

    private readonly MLContext _mlContext = new(seed: 1);

    [Theory]
    [InlineData(1, "RGBW", false)]
    [InlineData(2, "GRWB", false)] // mirrored left to right
    [InlineData(3, "WBGR", false)] // turned by 180 degrees
    [InlineData(4, "BWRG", false)] // mirrored top to bottom
    [InlineData(5, "RBGW", true)] // mirrored at the falling diagonal
    [InlineData(6, "BRWG", true)] // to be turned by 90 degrees clockwise
    [InlineData(7, "WGBR", true)] // mirrored at the rising diagonal
    [InlineData(8, "GWRB", true)] // to be turned by 90 degrees counter-clockwise
    public void Photos_are_turned_as_the_camera_says(int orientation, string expected, bool isTurned)
    {
        string path = Save("photo.jpg", WithOrientation(Jpeg(Width, Height), orientation));
        var (quarters, width, height) = Load(path);
        Assert.Equal(expected, quarters);
        Assert.Equal(isTurned ? (Height, Width) : (Width, Height), (width, height));
    }

    [Theory]
    [InlineData(1, "abc/def")]
    [InlineData(2, "cba/fed")]
    [InlineData(3, "fed/cba")]
    [InlineData(4, "def/abc")]
    [InlineData(5, "ad/be/cf")]
    [InlineData(6, "da/eb/fc")]
    [InlineData(7, "fc/eb/da")]
    [InlineData(8, "cf/be/ad")]
    public void PNG_files_are_turned_as_their_chunk_eXIf_says(int orientation, string expected)
    {
        byte[] png = EncodedImages.Png(3, 2, rows: [0, .. "abc"u8, 0, .. "def"u8]);
        foreach (bool isLittleEndian in new[] { false, true })
        {
            byte[] chunk = EncodedImages.Chunk("eXIf"u8, EncodedImages.Exif(orientation, isLittleEndian));
            Assert.Equal(expected, Greys(EncodedImages.WithChunk(png, chunk)));
            Assert.Equal(expected, Greys(EncodedImages.WithChunk(png, chunk, isLast: true)));
        }
    }

    [Fact]
    public void A_chunk_eXIf_that_says_nothing_turns_nothing()
    {
        byte[] png = EncodedImages.Png(3, 2, rows: [0, .. "abc"u8, 0, .. "def"u8]);
        byte[] valid = EncodedImages.Exif(6, isLittleEndian: false);
        var changes = new (int Place, byte Value)[] { (0, (byte)'X'), (4, 0xFF), (7, 25), (9, 0), (11, 0x13), (13, 4), (17, 2), (19, 0), (19, 9) };
        foreach (var (place, value) in changes)
        {
            byte[] exif = (byte[])valid.Clone();
            exif[place] = value;
            Assert.Equal("abc/def", Greys(EncodedImages.WithChunk(png, EncodedImages.Chunk("eXIf"u8, exif))));
        }

        foreach (int length in Enumerable.Range(0, 22))
            Assert.Equal("abc/def", Greys(EncodedImages.WithChunk(png, EncodedImages.Chunk("eXIf"u8, valid.AsSpan(0, length)))));
    }

    [Theory]
    [InlineData(null, 640, 480)]
    [InlineData(481, 640, 480)]
    [InlineData(240, 320, 240)]
    [InlineData(121, 320, 240)]
    [InlineData(60, 80, 60)]
    [InlineData(1, 80, 60)]
    public void Large_photos_are_decoded_as_small_as_is_enough(int? decodeSide, int width, int height)
    {
        string path = Save("large.jpg", Jpeg(640, 480));
        Assert.Equal(("RGBW", width, height), Load(path, decodeSide));
    }

    [Fact]
    public void What_ML_NET_loads_is_loaded_alike()
    {
        foreach (var (name, format) in new[] { ("a.png", SKEncodedImageFormat.Png), ("a.webp", SKEncodedImageFormat.Webp), ("a.jpg", SKEncodedImageFormat.Jpeg) })
        {
            string path = Save(name, Encoded(Width, Height, format, SKAlphaType.Unpremul));
            using var expected = MLImage.CreateFromFile(path);
            using var actual = Images.UprightImage.Load(path, int.MaxValue);
            Assert.Equal(expected.Pixels.ToArray(), actual.Pixels.ToArray());
        }
    }

    [Fact]
    public void What_is_transparent_is_black_and_what_is_grey_has_equal_channels()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(1, 1, SKColorType.Bgra8888, SKAlphaType.Unpremul));
        bitmap.SetPixel(0, 0, new SKColor(200, 100, 50, 0));
        using var transparent = Images.UprightImage.Load(Save("t.png", bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray()), int.MaxValue);
        Assert.Equal([0, 0, 0], transparent.Pixels[..3].ToArray());

        using var grayBitmap = new SKBitmap(new SKImageInfo(1, 1, SKColorType.Gray8));
        grayBitmap.Erase(new SKColor(90, 90, 90));
        using var gray = Images.UprightImage.Load(Save("g.png", grayBitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray()), int.MaxValue);
        Assert.Equal([90, 90, 90, 255], gray.Pixels.ToArray());
    }

    [Theory]
    [InlineData("missing", "There is no image file")]
    [InlineData("empty path", "empty")]
    [InlineData("empty", "it is empty")]
    [InlineData("text", "not an image")]
    [InlineData("cut png", "cut off")]
    [InlineData("cut jpg", "cut off")]
    [InlineData("cmyk", "CMYK")]
    public void Files_that_are_no_image_are_named_and_the_next_rows_are_read(string kind, string expected)
    {
        byte[] png = Encoded(Width, Height, SKEncodedImageFormat.Png, SKAlphaType.Opaque);
        byte[] jpeg = Jpeg(Width, Height);
        string path = kind switch
        {
            "missing" => InFolder("nowhere.jpg"),
            "empty path" => "",
            "empty" => Save("e.jpg", []),
            "text" => Save("text.jpg", "hello"u8.ToArray()),
            "cut png" => Save("c.png", png[..(png.Length / 2)]),
            "cut jpg" => Save("c.jpg", jpeg[..(jpeg.Length / 2)]),
            _ => Save("cmyk.jpg", Cmyk(jpeg)),
        };
        string good = Save("good.jpg", jpeg);
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new FileRow { File = path }, new FileRow { File = good } });
        var view = _mlContext.Transforms.LoadUprightImages("Image", "File").Append(_mlContext.Transforms.ResizeImages("Image", 8, 8)).Fit(rows).Transform(rows);
        using var cursor = view.GetRowCursor([view.Schema["Image"]]);
        var getter = cursor.GetGetter<MLImage>(view.Schema["Image"]);
        MLImage image = null!;
        cursor.MoveNext();
        var error = Assert.ThrowsAny<Exception>(() => getter(ref image));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);

        Assert.True(cursor.MoveNext());
        getter(ref image);
        Assert.Equal(8, image.Width);
    }

    [Fact]
    public void It_is_saved_with_a_pipeline_and_loaded_where_the_assembly_is_registered()
    {
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new FileRow { File = Save("photo.jpg", WithOrientation(Jpeg(640, 480), 6)) } });
        var pipeline = _mlContext.Transforms.LoadUprightImages("Image", "File", decodeSide: 100)
            .Append(_mlContext.Transforms.ResizeImages("Image", 6, 8))
            .Append(_mlContext.Transforms.ExtractPixels("Pixels", "Image"));
        var model = pipeline.Fit(rows);
        float[] expected = model.Transform(rows).GetColumn<float[]>("Pixels").Single();
        Assert.Equal(new[] { "File", "Image", "Image", "Pixels" }, model.Transform(rows).Schema.Where(column => !column.IsHidden || column.Name == "Image").Select(column => column.Name).OrderBy(n => n));

        string path = InFolder("model.zip");
        _mlContext.Model.Save(model, rows.Schema, path);
        var other = new MLContext();
        other.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly);
        var loaded = other.Model.Load(path, out _);
        Assert.Equal(expected, loaded.Transform(rows).GetColumn<float[]>("Pixels").Single());
        using var engine = other.Model.CreatePredictionEngine<FileRow, PixelRow>(loaded);
        Assert.Equal(expected, engine.Predict(new FileRow { File = rows.GetColumn<string>("File").Single() }).Pixels);
    }

    [Fact]
    public void Bytes_of_files_give_the_pixels_of_the_files()
    {
        string path = Save("photo.jpg", WithOrientation(Jpeg(640, 480), 6));
        var files = _mlContext.Data.LoadFromEnumerable(new[] { new FileRow { File = path }, new FileRow { File = Save("small.png", Encoded(Width, Height, SKEncodedImageFormat.Png, SKAlphaType.Opaque)) } });
        var uploads = _mlContext.Data.LoadFromEnumerable(files.GetColumn<string>("File").Select(file => new UploadRow { Bytes = File.ReadAllBytes(file) }));
        var raw = _mlContext.Transforms.LoadRawImageBytes("Bytes", imageFolder: "", "File").Fit(files).Transform(files);
        float[][] expected = Pixels("File", files);
        Assert.Equal(2, expected.Length);
        Assert.Equal(expected, Pixels("Bytes", uploads));
        Assert.Equal(expected, Pixels("Bytes", raw));

        var model = Loading("Bytes").Fit(uploads);
        Assert.Equal(["Bytes", "Image", "Pixels"], model.Transform(uploads).Schema.Where(column => !column.IsHidden).Select(column => column.Name).Order());
        string saved = InFolder("bytes.zip");
        _mlContext.Model.Save(model, uploads.Schema, saved);
        var other = new MLContext();
        other.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly);
        using var engine = other.Model.CreatePredictionEngine<UploadRow, PixelRow>(other.Model.Load(saved, out _));
        Assert.Equal(expected[0], engine.Predict(new UploadRow { Bytes = File.ReadAllBytes(path) }).Pixels);

        IEstimator<ITransformer> Loading(string column) => _mlContext.Transforms.LoadUprightImages("Image", column, decodeSide: 100)
            .Append(_mlContext.Transforms.ResizeImages("Image", 6, 8))
            .Append(_mlContext.Transforms.ExtractPixels("Pixels", "Image"));

        float[][] Pixels(string column, IDataView rows) => [.. Loading(column).Fit(rows).Transform(rows).GetColumn<float[]>("Pixels")];
    }

    [Fact]
    public void Bytes_that_are_no_image_are_refused_and_so_are_columns_of_other_types()
    {
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new UploadRow { Bytes = "hello"u8.ToArray() } });
        var loaded = _mlContext.Transforms.LoadUprightImages("Image", "Bytes").Append(_mlContext.Transforms.ResizeImages("Image", 8, 8)).Append(_mlContext.Transforms.ExtractPixels("Pixels", "Image")).Fit(rows).Transform(rows);
        Assert.Contains("The image in memory cannot be used: it is not an image", Assert.ThrowsAny<Exception>(() => loaded.GetColumn<float[]>("Pixels").ToArray()).GetBaseException().Message, StringComparison.Ordinal);

        var pixels = _mlContext.Data.LoadFromEnumerable(new[] { new PixelRow { Pixels = [1, 2, 3] } });
        string refused = Assert.Throws<ArgumentException>(() => _mlContext.Transforms.LoadUprightImages("Image", "Pixels").Fit(pixels)).Message;
        Assert.Contains("'Pixels' must have the paths of image files, or their bytes", refused, StringComparison.Ordinal);
        Assert.Contains("vector of variable size of Single", refused, StringComparison.Ordinal);
        Assert.Contains("no column 'Path'", Assert.Throws<ArgumentException>(() => _mlContext.Transforms.LoadUprightImages("Image", "Path").Fit(pixels)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_of_version_0_1_0_loads_and_runs()
    {
        // The steps that LoadUprightImages had in that version.
        string photo = Save("photo.jpg", WithOrientation(Jpeg(640, 480), 6));
        string large = Save("large.png", EncodedImages.Png(20_000, 20_000, hasPixels: false));
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new FileRow { File = photo }, new FileRow { File = large } });
        var old = _mlContext.Transforms.CopyColumns("Sla.ImagePath", "File")
            .Append(_mlContext.Transforms.Expression("Sla.DecodeSide", "path => 100", "File"))
            .Append(_mlContext.Transforms.CustomMapping(new Images.UprightImageMappingWithoutLimit().GetMapping(), "Microsoft.ML.Sla.UprightImages"))
            .Append(_mlContext.Transforms.CopyColumns("Image", "Sla.UprightImage"))
            .Append(_mlContext.Transforms.DropColumns("Sla.ImagePath", "Sla.DecodeSide", "Sla.UprightImage"))
            .Fit(rows);
        string path = InFolder("old.zip");
        _mlContext.Model.Save(old, rows.Schema, path);

        var other = new MLContext();
        other.ComponentCatalog.RegisterAssembly(typeof(SlaImagesCatalog).Assembly);
        var loaded = other.Model.Load(path, out _).Transform(rows);
        var current = _mlContext.Transforms.LoadUprightImages("Image", "File", decodeSide: 100).Fit(rows).Transform(rows);
        using var cursor = loaded.GetRowCursor([loaded.Schema["Image"]]);
        using var currentCursor = current.GetRowCursor([current.Schema["Image"]]);
        MLImage image = null!, currentImage = null!;
        var getter = cursor.GetGetter<MLImage>(loaded.Schema["Image"]);
        Assert.True(cursor.MoveNext() && currentCursor.MoveNext());
        getter(ref image);
        currentCursor.GetGetter<MLImage>(current.Schema["Image"])(ref currentImage);
        Assert.Equal((120, 160), (image.Width, image.Height));
        Assert.Equal(currentImage.Pixels, image.Pixels);

        Assert.True(cursor.MoveNext());
        Assert.Contains("allows 200,000,000", Assert.ThrowsAny<Exception>(() => getter(ref image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_many_photos_takes_the_memory_of_one()
    {
        string path = Save("large.jpg", Jpeg(2000, 1500));
        var rows = _mlContext.Data.LoadFromEnumerable(Enumerable.Repeat(new FileRow { File = path }, 40));
        var view = _mlContext.Transforms.LoadUprightImages("Image", "File").Append(_mlContext.Transforms.ResizeImages("Image", 8, 8)).Fit(rows).Transform(rows);
        using var cursor = view.GetRowCursor([view.Schema["Image"]]);
        var getter = cursor.GetGetter<MLImage>(view.Schema["Image"]);
        MLImage image = null!;
        long before = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            getter(ref image);
            if (row == 5)
                before = Environment.WorkingSet;
        }

        // 34 images of 12 MB would be 400 MB.
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 100L << 20);
    }

    private (string Quarters, int Width, int Height) Load(string path, int? decodeSide = null)
    {
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new FileRow { File = path } });
        var view = _mlContext.Transforms.LoadUprightImages("Image", "File", decodeSide).Fit(rows).Transform(rows);
        using var cursor = view.GetRowCursor([view.Schema["Image"]]);
        MLImage image = null!;
        cursor.MoveNext();
        cursor.GetGetter<MLImage>(view.Schema["Image"])(ref image);
        byte[] pixels = image.Pixels.ToArray();
        var (width, height) = (image.Width, image.Height);
        char At(int x, int y)
        {
            int start = 4 * ((y * width) + x);
            return (pixels[start + 2] > 128, pixels[start + 1] > 128, pixels[start] > 128) switch
            {
                (true, true, true) => 'W',
                (true, false, false) => 'R',
                (false, true, false) => 'G',
                (false, false, true) => 'B',
                _ => '?',
            };
        }

        int left = width / 4, right = width - 1 - left, top = height / 4, bottom = height - 1 - top;
        return (new string([At(left, top), At(right, top), At(left, bottom), At(right, bottom)]), width, height);
    }

    /// <summary>The pixels of a grey image as characters, its rows divided by slashes.</summary>
    private static string Greys(byte[] file)
    {
        using var image = Images.UprightImage.Decode(file, Images.UprightImage.InMemory, Images.UprightImage.FullSize);
        char[] greys = [.. image.Pixels.ToArray().Where((_, i) => i % 4 == 0).Select(value => (char)value)];
        return string.Join('/', greys.Chunk(image.Width).Select(row => new string(row)));
    }

    private string Save(string name, byte[] content)
    {
        string path = InFolder(name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static byte[] Jpeg(int width, int height) => Encoded(width, height, SKEncodedImageFormat.Jpeg, SKAlphaType.Opaque);

    private static byte[] Encoded(int width, int height, SKEncodedImageFormat format, SKAlphaType alpha)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, alpha));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, Quarters[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)].WithAlpha((byte)(alpha == SKAlphaType.Opaque ? 255 : 255 - x)));
        }

        using var data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    /// <summary>Puts an EXIF segment with the tag 0x112 behind the first two bytes.</summary>
    private static byte[] WithOrientation(byte[] jpeg, int orientation) =>
    [
        .. jpeg[..2],
        0xFF, 0xE1, 0, 34,
        .. "Exif\0\0MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        .. jpeg[2..],
    ];

    /// <summary>A frame header of four components, as a CMYK file has it.</summary>
    private static byte[] Cmyk(byte[] jpeg) =>
    [
        .. jpeg[..2],
        0xFF, 0xC0, 0, 20, 8, 0, 32, 0, 48, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0,
        .. jpeg[2..],
    ];

    private sealed class UploadRow
    {
        public byte[] Bytes { get; set; } = [];
    }

    private sealed class FileRow
    {
        public string File { get; set; } = "";
    }

    private sealed class PixelRow
    {
        public float[] Pixels { get; set; } = [];
    }
}
