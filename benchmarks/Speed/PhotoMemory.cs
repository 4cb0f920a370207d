using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// Peak memory and speed of training on 2,000 photos of 0.3 to 12 megapixels, brought to 224 x 224, of which a budget of 64 MiB holds a
/// fifth. Each way of loading has a process of its own: a process has one peak. "vectors" is the same training on pixels that are in memory
/// already: what network and process need by themselves.
/// </summary>
internal static class PhotoMemory
{
    public const string Verb = "photo-memory";

    private const int Photos = 2000;
    private const int Files = 100;
    private const int Side = 224;
    private const int Classes = 4;
    private const string Vectors = "vectors";
    private const string LoadImages = "LoadImages";
    private const string LoadUprightImages = "LoadUprightImages";

    /// <summary>Where the photos are made without a folder that is named.</summary>
    public static string DefaultFolder => Path.Combine(Path.GetTempPath(), "sla-photos");

    /// <summary>Measures each way of loading, and prints a line of JSON for each.</summary>
    /// <param name="folder">The photos are made here (100 files and links to them) where it is empty.</param>
    public static int Run(string folder)
    {
        MakePhotos(folder);
        foreach (string way in new[] { Vectors, LoadImages, LoadUprightImages })
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!);
            if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
                start.ArgumentList.Add(typeof(PhotoMemory).Assembly.Location);
            foreach (string argument in new[] { Verb, folder, way })
                start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            process.WaitForExit();
            if (process.ExitCode != 0)
                return process.ExitCode;
        }

        return 0;
    }

    /// <summary>Measures one way of loading in this process.</summary>
    public static int Measure(string folder, string way)
    {
        var mlContext = new MLContext(seed: 1);
        double firstStep = 0;
        var clock = Stopwatch.StartNew();
        var options = new SlaTrainer.Options
        {
            FeatureColumnName = way == Vectors ? "Pixels" : "Image",
            ImageWidth = Side,
            ImageHeight = Side,
            Architecture = Architecture.ConvNet(16),
            Objective = SlaObjective.Sla,
            ViewsPerStep = 1,
            BatchSize = 32,
            Epochs = 2,
            LearningRate = 0.05,
            PixelMemory = 64 << 20,
            OnUnreadableImage = UnreadableImageHandling.Skip,
            MetricsCallback = _ => firstStep = firstStep == 0 ? clock.Elapsed.TotalSeconds : firstStep,
        };
        mlContext.Log += (_, e) => Trace(e);
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Rows(mlContext, folder, way));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            mode = way,
            images = model.TrainingHistory.Images,
            peakMiB = PeakMiB(),
            secondsToFirstReport = firstStep,
            secondsForTwoEpochs = clock.Elapsed.TotalSeconds,
            loss = model.TrainingHistory.Epochs[^1].Loss,
        }));
        return 0;
    }

    private static IDataView Rows(MLContext mlContext, string folder, string way)
    {
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label");
        if (way == Vectors)
        {
            var definition = SchemaDefinition.Create(typeof(VectorRow));
            definition[nameof(VectorRow.Pixels)].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, 3 * Side * Side);
            var vectors = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, Photos).Select(i => new VectorRow { Label = ClassOf(i), Pixels = new byte[3 * Side * Side] }), definition);
            return keys.Fit(vectors).Transform(vectors);
        }

        var files = mlContext.Data.LoadFromEnumerable(Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select((path, i) => new PhotoRow { Label = ClassOf(i), ImagePath = path }));
        IEstimator<ITransformer> loading = way == LoadImages
            ? mlContext.Transforms.LoadImages("Image", "", "ImagePath")
            : mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: Side);
        return keys.Append(loading).Fit(files).Transform(files);
    }

    private static string ClassOf(int number) => $"{number % Classes}";

    private static void Trace(LoggingEventArgs e)
    {
        if (e.Message.Contains("Source=Sla", StringComparison.Ordinal) && e.Message.Contains("Info", StringComparison.Ordinal))
            Console.Error.WriteLine(e.Message);
    }

    private static long PeakMiB()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private static void MakePhotos(string folder)
    {
        Directory.CreateDirectory(folder);
        if (Directory.EnumerateFiles(folder).Any())
            return;

        var random = new Random(1);
        for (int i = 0; i < Files; i++)
            MakePhoto(Path.Combine(folder, $"{i:0000}.jpg"), width: 640 + (int)(3360 * Math.Sqrt((double)i / (Files - 1))), random);
        for (int i = Files; i < Photos; i++)
            File.CreateSymbolicLink(Path.Combine(folder, $"{i:0000}.jpg"), Path.Combine(folder, $"{i % Files:0000}.jpg"));
    }

    /// <summary>Makes a photo of 4:3, from 640 x 480 to 4000 x 3000, with structure at every scale so that decoding costs what it costs for photos.</summary>
    private static void MakePhoto(string path, int width, Random random)
    {
        int height = width * 3 / 4;
        using var small = new SKBitmap(new SKImageInfo(width / 16, height / 16));
        for (int y = 0; y < small.Height; y++)
        {
            for (int x = 0; x < small.Width; x++)
                small.SetPixel(x, y, new SKColor((uint)random.Next() | 0xFF000000));
        }

        using var photo = small.Resize(new SKImageInfo(width, height), SKFilterQuality.High);
        using var data = photo.Encode(SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(path, data.ToArray());
    }

    private sealed class PhotoRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class VectorRow
    {
        public string Label { get; set; } = "";

        public byte[] Pixels { get; set; } = [];
    }
}
