// Makes fashion-mnist.zip, the pictures of the quick start: a sample of Fashion-MNIST as PNG files in class folders.
//
//     dotnet run samples/QuickStart/Data/make-fashion-mnist.cs [folder with the four Fashion-MNIST .gz files]
//
// The default folder is where the Debian package dataset-fashion-mnist puts the files; the same files can be downloaded
// from https://github.com/zalandoresearch/fashion-mnist. The zip is written next to this file, with the same bytes on
// every run (another version of .NET may bring another Deflate and so other bytes, but the pictures stay the same).

// The compiler asks for this where unused usings are reported.
#:property GenerateDocumentationFile=true

using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

const int MaxZipBytes = 2_000_000;
const int Seed = 2017;

string[] classNames =
    ["tshirt-top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"];

// 200 training pictures a class is the largest multiple of 50 that stays below the limit.
Split[] splits = [new("train", FilePrefix: "train", PerClass: 200), new("test", FilePrefix: "t10k", PerClass: 100)];

string sourceFolder = args.Length > 0 ? args[0] : "/usr/share/datasets/fashion-mnist";
string zipFile = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "fashion-mnist.zip");

byte[] zip = MakeZip();
if (zip.Length >= MaxZipBytes)
{
    Console.Error.WriteLine($"The zip would have {zip.Length:N0} bytes, but must stay below {MaxZipBytes:N0}.");
    return 1;
}

File.WriteAllBytes(zipFile, zip);
Console.WriteLine($"{zipFile}: {zip.Length:N0} bytes");
return 0;

byte[] MakeZip()
{
    using MemoryStream stream = new();
    using (ZipArchive archive = new(stream, ZipArchiveMode.Create))
    {
        AddText(archive, "LICENSE.txt", Texts.License);
        AddText(archive, "README.txt", Texts.Readme(splits, Seed));
        foreach (Split split in splits)
        {
            AddPictures(archive, split);
        }
    }

    return stream.ToArray();
}

void AddPictures(ZipArchive archive, Split split)
{
    byte[] images = IdxFile.Read(Path.Combine(sourceFolder, $"{split.FilePrefix}-images-idx3-ubyte.gz"));
    byte[] labels = IdxFile.Read(Path.Combine(sourceFolder, $"{split.FilePrefix}-labels-idx1-ubyte.gz"));
    Random random = new(Seed);

    for (int label = 0; label < classNames.Length; label++)
    {
        foreach (int index in SampleOfClass(labels, label, split.PerClass, random))
        {
            byte[] png = Png.Encode(images.AsSpan(index * Png.Side * Png.Side, Png.Side * Png.Side));
            // A PNG is compressed already: another Deflate around it would only add bytes.
            AddEntry(archive, $"{split.Name}/{classNames[label]}/{index:D5}.png", png, CompressionLevel.NoCompression);
        }
    }
}

// Shuffles the whole class before taking, so that a larger sample contains every smaller one.
static int[] SampleOfClass(byte[] labels, int label, int count, Random random)
{
    int[] indices = [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] == label)];
    random.Shuffle(indices);
    return [.. indices.Take(count).Order()];
}

static void AddText(ZipArchive archive, string name, string text) =>
    AddEntry(archive, name, Encoding.UTF8.GetBytes(text), CompressionLevel.SmallestSize);

static void AddEntry(ZipArchive archive, string name, byte[] content, CompressionLevel compression)
{
    ZipArchiveEntry entry = archive.CreateEntry(name, compression);
    // The current time would make every run different; this is the earliest time that a zip can hold.
    entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
    using Stream stream = entry.Open();
    stream.Write(content);
}

internal sealed record Split(string Name, string FilePrefix, int PerClass);

/// <summary>Reads the IDX format of the MNIST family: a magic number, the dimensions, then one byte a value.</summary>
internal static class IdxFile
{
    private const int UnsignedByteType = 0x08;

    /// <summary>Returns the values without the header.</summary>
    public static byte[] Read(string gzipFile)
    {
        byte[] bytes = Decompress(gzipFile);
        int magic = BinaryPrimitives.ReadInt32BigEndian(bytes);
        if (magic >> 8 != UnsignedByteType)
        {
            throw new InvalidDataException($"{gzipFile} is not an IDX file of bytes.");
        }

        int dimensions = magic & 0xFF;
        return bytes[(4 + 4 * dimensions)..];
    }

    private static byte[] Decompress(string gzipFile)
    {
        using GZipStream gzip = new(File.OpenRead(gzipFile), CompressionMode.Decompress);
        using MemoryStream bytes = new();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}

/// <summary>Writes a small PNG of an 8-bit grayscale picture of 28 x 28: only the chunks that must be there.</summary>
internal static class Png
{
    public const int Side = 28;

    private const int FilterCount = 5;

    public static byte[] Encode(ReadOnlySpan<byte> pixels)
    {
        using MemoryStream png = new();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n']);
        // Width and height, 8 bits a pixel, grayscale, and the only compression, filter method and no interlacing.
        WriteChunk(png, "IHDR"u8, [0, 0, 0, Side, 0, 0, 0, Side, 8, 0, 0, 0, 0]);
        WriteChunk(png, "IDAT"u8, CompressBest(pixels));
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    // No rule tells which filters compress best: try each one for the whole picture, and a choice row by row.
    private static byte[] CompressBest(ReadOnlySpan<byte> pixels)
    {
        byte[][][] rows = FilterRows(pixels);
        IEnumerable<IEnumerable<byte>> candidates =
        [
            .. Enumerable.Range(0, FilterCount).Select(filter => rows.SelectMany(row => row[filter])),
            rows.SelectMany(row => row.MinBy(Unevenness)!),
        ];
        return candidates.Select(candidate => Compress([.. candidate])).MinBy(data => data.Length)!;
    }

    // Every row in every filter: [row][filter] gives the filter's number and the filtered bytes.
    private static byte[][][] FilterRows(ReadOnlySpan<byte> pixels)
    {
        byte[][][] rows = new byte[Side][][];
        ReadOnlySpan<byte> above = new byte[Side];
        for (int y = 0; y < Side; y++)
        {
            ReadOnlySpan<byte> row = pixels.Slice(y * Side, Side);
            rows[y] = new byte[FilterCount][];
            for (int filter = 0; filter < FilterCount; filter++)
            {
                rows[y][filter] = FilterRow(filter, row, above);
            }

            above = row;
        }

        return rows;
    }

    private static byte[] FilterRow(int filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above)
    {
        byte[] filtered = new byte[1 + Side];
        filtered[0] = (byte)filter;
        for (int x = 0; x < Side; x++)
        {
            int left = x > 0 ? row[x - 1] : 0;
            int aboveLeft = x > 0 ? above[x - 1] : 0;
            filtered[1 + x] = unchecked((byte)(row[x] - Predict(filter, left, above[x], aboveLeft)));
        }

        return filtered;
    }

    private static int Predict(int filter, int left, int above, int aboveLeft) => filter switch
    {
        0 => 0,
        1 => left,
        2 => above,
        3 => (left + above) / 2,
        _ => Paeth(left, above, aboveLeft),
    };

    private static int Paeth(int left, int above, int aboveLeft)
    {
        int estimate = left + above - aboveLeft;
        // The order settles ties, as the PNG specification asks.
        int[] neighbours = [left, above, aboveLeft];
        return neighbours.MinBy(neighbour => Math.Abs(estimate - neighbour));
    }

    // The usual guess at how well a row compresses: the sum of its differences, taken as signed bytes.
    private static int Unevenness(byte[] filtered) => filtered.Skip(1).Sum(b => Math.Abs((int)(sbyte)b));

    private static byte[] Compress(byte[] data)
    {
        using MemoryStream compressed = new();
        using (ZLibStream zlib = new(compressed, CompressionLevel.SmallestSize))
        {
            zlib.Write(data);
        }

        return compressed.ToArray();
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        WriteBigEndian(png, (uint)data.Length);
        ReadOnlySpan<byte> typeAndData = [.. type, .. data];
        png.Write(typeAndData);
        WriteBigEndian(png, Crc32(typeAndData));
    }

    private static void WriteBigEndian(MemoryStream png, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        png.Write(bytes);
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        const uint ReversedPolynomial = 0xEDB88320;
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ ReversedPolynomial : crc >> 1;
            }
        }

        return ~crc;
    }
}

/// <summary>The two text files of the zip.</summary>
internal static class Texts
{
    public const string License = """
        The MIT License (MIT)

        Copyright (c) 2017 Zalando SE, https://tech.zalando.com

        Permission is hereby granted, free of charge, to any person obtaining a copy
        of this software and associated documentation files (the "Software"), to deal
        in the Software without restriction, including without limitation the rights
        to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
        copies of the Software, and to permit persons to whom the Software is
        furnished to do so, subject to the following conditions:

        The above copyright notice and this permission notice shall be included in all
        copies or substantial portions of the Software.

        THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
        IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
        FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
        AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
        LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
        OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
        SOFTWARE.

        """;

    public static string Readme(Split[] splits, int seed) => $"""
        A small sample of Fashion-MNIST
        ===============================

        Fashion-MNIST is a data set of Zalando's article images: 28 x 28 pixels in
        8-bit grayscale, 10 classes, 60,000 pictures for training and 10,000 for testing.
        It comes from https://github.com/zalandoresearch/fashion-mnist and is under the
        MIT licence in LICENSE.txt.

        This sample holds, for every class:

        {string.Join("\n", splits.Select(Describe))}

        They were drawn at random, class by class, with the fixed seed {seed}. The pixels
        are unchanged. The folder is the class, and the number in the file name is the
        picture's position in the original file, from 0: train/bag/00023.png would be
        the 24th picture of train-images-idx3-ubyte.gz.

        make-fashion-mnist.cs, next to the zip in the repository, makes this sample.

        """;

    private static string Describe(Split split) =>
        $"    {split.Name,-5}  {split.PerClass} pictures of {split.FilePrefix}-images-idx3-ubyte.gz";
}
