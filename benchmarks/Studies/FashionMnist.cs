using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The files of Fashion-MNIST.</summary>
internal static class FashionMnist
{
    /// <summary>Width and height of an image.</summary>
    public const int Side = 28;

    /// <summary>The half of 10,000 test images; the other is <c>train</c>.</summary>
    public const string Test = "t10k";

    private const int Size = Side * Side;
    private const int IdxMatrixHeader = 16;
    private const int IdxVectorHeader = 8;

    /// <summary>By label, what the folders of the quick start's images are called.</summary>
    private static readonly string[] ClassNames = ["tshirt-top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"];

    /// <summary>All images of a half.</summary>
    public static FashionImage[] Read(string folder, string half)
    {
        byte[] pixels = Unpack(Path.Combine(folder, $"{half}-images-idx3-ubyte.gz"));
        byte[] labels = Unpack(Path.Combine(folder, $"{half}-labels-idx1-ubyte.gz"));
        int count = BinaryPrimitives.ReadInt32BigEndian(labels.AsSpan(4));
        return [.. Enumerable.Range(0, count).Select(i => new FashionImage
        {
            Image = pixels[(IdxMatrixHeader + (i * Size))..(IdxMatrixHeader + ((i + 1) * Size))],
            Label = labels[IdxVectorHeader + i],
        })];
    }

    /// <summary>All test images as PNG files, for models that read files; written where they are not there.</summary>
    /// <returns>The folder of <c>test/CLASS/*.png</c>.</returns>
    public static string WriteTestFiles(Arguments arguments)
    {
        string folder = Path.Combine(arguments.ArtifactsOf("images"), "fashion-mnist-test");
        return ImageFiles.Make(folder, part =>
        {
            foreach (var (number, image) in Read(arguments.Fashion, Test).Index())
                Write(image.Image, Directory.CreateDirectory(Path.Combine(part, "test", ClassNames[image.Label])).FullName, number);
        });
    }

    private static void Write(byte[] pixels, string folder, int number)
    {
        using var bitmap = new SKBitmap(Side, Side, SKColorType.Gray8, SKAlphaType.Opaque);
        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using var stream = File.Create(Path.Combine(folder, $"{number:00000}.png"));
        bitmap.Encode(stream, SKEncodedImageFormat.Png, quality: 100);
    }

    private static byte[] Unpack(string file)
    {
        using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}

/// <summary>The pixels of an image, and its class.</summary>
internal sealed class FashionImage
{
    [VectorType(1, FashionMnist.Side, FashionMnist.Side)]
    public byte[] Image { get; set; } = [];

    public byte Label { get; set; }
}
