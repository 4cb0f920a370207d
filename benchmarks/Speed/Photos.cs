using SkiaSharp;

namespace Microsoft.ML.Sla.Speed;

/// <summary>Files of photos, drawn from a folder with a folder for each class. They are the same ones on each machine.</summary>
internal sealed class Photos
{
    private readonly string[] _files;

    /// <param name="folder">The folder.</param>
    /// <param name="count">Largest number of photos.</param>
    /// <exception cref="InvalidDataException">There are no photos.</exception>
    public Photos(string folder, int count)
    {
        string[] all = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        new Random(1).Shuffle(all);
        _files = [.. all.Take(count)];
        if (_files.Length == 0)
            throw new InvalidDataException($"There are no photos in '{folder}'.");
    }

    public int Count => _files.Length;

    /// <summary>The first photos with their labels, as <c>sla train</c> reads them.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="column">The column of the photos.</param>
    /// <param name="side">The side to which they will be resized.</param>
    /// <param name="count">Number of photos.</param>
    public IDataView Rows(MLContext mlContext, string column, int side, int count)
    {
        var files = mlContext.Data.LoadFromEnumerable(_files.Take(count).Select(path => new Photo { Path = path, Class = Path.GetFileName(Path.GetDirectoryName(path)!) }));
        return mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Photo.Class))
            .Append(mlContext.Transforms.LoadUprightImages(column, nameof(Photo.Path), decodeSide: 2 * side)).Fit(files).Transform(files);
    }

    /// <summary>Does the least that gives a network pixels: decodes the first photos, resizes them, and puts each channel into a plane of floats.</summary>
    /// <param name="side">The side to which they are resized.</param>
    /// <param name="count">Number of photos.</param>
    /// <param name="threads">Number of threads.</param>
    public void ReadPlainly(int side, int count, int threads) =>
        Parallel.ForEach(_files.Take(count), new ParallelOptions { MaxDegreeOfParallelism = threads }, () => new float[3 * side * side], (file, _, planes) =>
        {
            using var photo = SKBitmap.Decode(file);
            using var resized = photo.Resize(new SKImageInfo(side, side, SKColorType.Rgba8888), SKFilterQuality.Medium);
            var pixels = resized.GetPixelSpan();
            for (int pixel = 0; pixel < side * side; pixel++)
            {
                for (int channel = 0; channel < 3; channel++)
                    planes[(channel * side * side) + pixel] = pixels[(4 * pixel) + channel];
            }

            return planes;
        }, _ => { });

    private sealed class Photo
    {
        public string Path { get; set; } = "";

        public string Class { get; set; } = "";
    }
}
