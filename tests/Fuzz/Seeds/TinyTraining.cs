using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Fuzz.Seeds;

/// <summary>Trainings of a moment on a few images of 16 x 16 pixels and two classes.</summary>
internal static class TinyTraining
{
    public const int Width = 4;
    public const int Epochs = 2;

    private const int PixelCount = ImageSeeds.PhotoSide * ImageSeeds.PhotoSide;

    public static Architecture Architecture => Architecture.ConvNet(Width);

    /// <summary>The photos, with a key column Label and an image column Image.</summary>
    public static IDataView Photos(MLContext mlContext, string folder)
    {
        var files = Directory.GetFiles(Path.Combine(folder, ImageSeeds.Photos)).Order(StringComparer.Ordinal)
            .Select(path => new Photo { Path = path, Label = Path.GetFileName(path).Split('-')[0] });
        var data = mlContext.Data.LoadFromEnumerable(files);
        return mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages("Image", "Path", decodeSide: ImageSeeds.PhotoSide))
            .Fit(data).Transform(data);
    }

    /// <summary>Rows of grey pixels, with a key column Label and a column Features.</summary>
    public static IDataView Vectors(MLContext mlContext)
    {
        var random = new Random(1);
        var rows = Enumerable.Range(0, 2 * ImageSeeds.PhotosPerClass).Select(number => new PixelRow
        {
            Features = [.. Enumerable.Range(0, PixelCount).Select(_ => (byte)(random.Next(128) + (128 * (number % 2))))],
            Label = number % 2 == 0 ? "dark" : "light",
        }).ToList();
        var data = mlContext.Data.LoadFromEnumerable(rows);
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
    }

    /// <summary>Trains on images of a column.</summary>
    public static SlaTrainer.Options Options(string features, int channels) => new()
    {
        FeatureColumnName = features,
        Channels = channels,
        ImageWidth = ImageSeeds.PhotoSide,
        ImageHeight = ImageSeeds.PhotoSide,
        Architecture = Architecture,
        Epochs = Epochs,
        BatchSize = ImageSeeds.PhotosPerClass,
        Seed = 1,
        Threads = 1,
        Device = SlaDevice.Cpu,
        Precision = Precision.Float32,
    };

    /// <summary>Trains on <see cref="Vectors"/>, with all that a checkpoint can hold.</summary>
    public static SlaTrainer.Options CheckpointOptions(string folder)
    {
        var options = Options("Features", channels: 1);
        options.CheckpointFolder = folder;
        options.Resume = true;
        options.ValidationSetFraction = 0.25f;
        options.WeightAveraging = 0.9;
        return options;
    }

    private sealed class Photo
    {
        public required string Path { get; init; }

        public required string Label { get; init; }
    }

    private sealed class PixelRow
    {
        [VectorType(PixelCount)]
        public required byte[] Features { get; init; }

        public required string Label { get; init; }
    }
}
