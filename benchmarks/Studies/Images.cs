using System.Buffers.Binary;
using System.IO.Compression;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The images of a run: training images drawn by its seed, and all test images there are.</summary>
internal sealed class Images
{
    /// <summary>Number of classes of both data sets.</summary>
    public const int Classes = 10;

    public const string Column = "Image";

    private const string Cifar = "cifar10";
    private const string Fashion = "fashion-mnist";
    private const int CifarSide = 32;
    private const int FashionSide = 28;
    private const int IdxMatrixHeader = 16;
    private const int IdxVectorHeader = 8;

    private Images(MLContext mlContext, IDataView training, IDataView test, int channels, int side) =>
        (MLContext, Training, Test, Shape) = (mlContext, training, test, [channels, side, side]);

    public MLContext MLContext { get; }

    public IDataView Training { get; }

    public IDataView Test { get; }

    /// <summary>Channels, height and width.</summary>
    public IReadOnlyList<long> Shape { get; }

    public static int Channels(string data) => data switch
    {
        Cifar => 3,
        Fashion => 1,
        _ => throw new FormatException($"There are no data '{data}': there are {Cifar} and {Fashion}."),
    };

    public static Images Of(Run run, Arguments arguments) => Channels(run.Data) == 3 ? OfCifar(run, arguments.Cifar) : OfFashion(run, arguments.Fashion);

    /// <summary>The bytes of each image, planes in the order red, green, blue.</summary>
    public IEnumerable<byte[]> Pixels(IDataView rows) => Shape[0] == 1
        ? rows.GetColumn<byte[]>(Column)
        : MLContext.Transforms.ResizeImages("Pixels", CifarSide, CifarSide, Column)
            .Append(MLContext.Transforms.ExtractPixels("Pixels", outputAsFloatArray: false)).Fit(rows).Transform(rows).GetColumn<byte[]>("Pixels");

    private static Images OfCifar(Run run, string folder)
    {
        var mlContext = new MLContext(run.Seed);
        string[] classes = [.. Directory.GetDirectories(Path.Combine(folder, "train")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        IEnumerable<(string Name, string[] Files)> Half(string half) => classes.Select(name =>
            (name, Directory.GetFiles(Path.Combine(folder, half, name)).Order(StringComparer.Ordinal).ToArray()));

        var training = mlContext.Data.LoadFromEnumerable(Draw(run, Half("train").Select(ofClass => ofClass.Files))
            .SelectMany((files, label) => files.Select(file => new ImageFile(file, classes[label]))).ToArray());
        var test = mlContext.Data.LoadFromEnumerable(Half("test").SelectMany(ofClass => ofClass.Files.Select(file => new ImageFile(file, ofClass.Name))).ToArray());
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadImages(Column, imageFolder: "", nameof(ImageFile.ImagePath))).Fit(training);
        return new Images(mlContext, preparation.Transform(training), preparation.Transform(test), channels: 3, CifarSide);
    }

    private static Images OfFashion(Run run, string folder)
    {
        var mlContext = new MLContext(run.Seed);
        var ofClass = ReadFashion(folder, "train").GroupBy(image => image.Label).OrderBy(group => group.Key).Select(group => group.ToArray());
        var training = mlContext.Data.LoadFromEnumerable(Draw(run, ofClass).SelectMany(images => images).ToArray());
        var preparation = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(training);
        return new Images(mlContext, preparation.Transform(training), preparation.Transform(mlContext.Data.LoadFromEnumerable(ReadFashion(folder, "t10k"))), channels: 1, FashionSide);
    }

    /// <summary>Of each class, the images of a run. The whole class is shuffled, so that a larger sample contains every smaller one.</summary>
    private static IEnumerable<T[]> Draw<T>(Run run, IEnumerable<T[]> classes)
    {
        var random = new Random(run.Seed);
        foreach (T[] ofClass in classes)
        {
            if (ofClass.Length < run.ImagesPerClass)
                throw new InvalidDataException($"There are {ofClass.Length} images of a class, and {run.ImagesPerClass} are asked for.");
            random.Shuffle(ofClass);
            yield return ofClass[..run.ImagesPerClass];
        }
    }

    private static PixelRow[] ReadFashion(string folder, string half)
    {
        byte[] pixels = Unpack(Path.Combine(folder, $"{half}-images-idx3-ubyte.gz"));
        byte[] labels = Unpack(Path.Combine(folder, $"{half}-labels-idx1-ubyte.gz"));
        int count = BinaryPrimitives.ReadInt32BigEndian(labels.AsSpan(4));
        const int Size = FashionSide * FashionSide;
        return [.. Enumerable.Range(0, count).Select(i => new PixelRow
        {
            Image = pixels[(IdxMatrixHeader + (i * Size))..(IdxMatrixHeader + ((i + 1) * Size))],
            Label = labels[IdxVectorHeader + i],
        })];
    }

    private static byte[] Unpack(string file)
    {
        using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>An image file and its class.</summary>
    private sealed record ImageFile(string ImagePath, string Label);

    /// <summary>The pixels of an image, and its class.</summary>
    private sealed class PixelRow
    {
        [VectorType(1, FashionSide, FashionSide)]
        public byte[] Image { get; set; } = [];

        public byte Label { get; set; }
    }
}
