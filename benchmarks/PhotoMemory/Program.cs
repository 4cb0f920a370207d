// Peak memory and speed of training on 2,000 photos of 0.3 to 12 megapixels, brought to 224 x 224, of which a budget of 64 MiB holds a fifth.
//   dotnet run -c Release --project benchmarks/PhotoMemory -- [FOLDER]
// makes the photos in FOLDER (100 files and links to them) where it is empty, and runs itself for each way of loading: a process has one
// peak. "vectors" is the same training on pixels that are in memory already: what network and process need by themselves.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;
using SkiaSharp;

const int Photos = 2000, Files = 100, Side = 224;
string folder = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), "sla-photos");
if (args.Length < 2)
{
    MakePhotos();
    foreach (string way in new[] { "vectors", "LoadImages", "LoadUprightImages" })
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!) { ArgumentList = { folder, way } })!;
        process.WaitForExit();
    }

    return;
}

string mode = args[1];
var mlContext = new MLContext(seed: 1);
double firstStep = 0;
var clock = Stopwatch.StartNew();
var options = new SlaTrainer.Options
{
    FeatureColumnName = mode == "vectors" ? "Pixels" : "Image",
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
using (var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Rows()))
{
    Console.WriteLine(JsonSerializer.Serialize(new
    {
        mode,
        images = model.TrainingHistory.Images,
        peakMiB = PeakMiB(),
        secondsToFirstReport = firstStep,
        secondsForTwoEpochs = clock.Elapsed.TotalSeconds,
        loss = model.TrainingHistory.Epochs[^1].Loss,
    }));
}

IDataView Rows()
{
    if (mode == "vectors")
    {
        var definition = SchemaDefinition.Create(typeof(VectorRow));
        definition[nameof(VectorRow.Pixels)].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, 3 * Side * Side);
        var vectors = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, Photos).Select(i => new VectorRow { Label = $"{i % 4}", Pixels = new byte[3 * Side * Side] }), definition);
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(vectors).Transform(vectors);
    }

    var files = mlContext.Data.LoadFromEnumerable(Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select((path, i) => new PhotoRow { Label = $"{i % 4}", ImagePath = path }));
    IEstimator<ITransformer> loading = mode == "LoadImages"
        ? mlContext.Transforms.LoadImages("Image", "", "ImagePath")
        : mlContext.Transforms.LoadUprightImages("Image", "ImagePath", decodeSide: Side);
    return mlContext.Transforms.Conversion.MapValueToKey("Label").Append(loading).Fit(files).Transform(files);
}

void Trace(LoggingEventArgs e)
{
    if (e.Message.Contains("Source=Sla", StringComparison.Ordinal) && e.Message.Contains("Info", StringComparison.Ordinal))
        Console.Error.WriteLine(e.Message);
}

static long PeakMiB()
{
    string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
    return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}

void MakePhotos()
{
    Directory.CreateDirectory(folder);
    if (Directory.EnumerateFiles(folder).Any())
        return;

    var random = new Random(1);
    for (int i = 0; i < Files; i++)
    {
        // From 640 x 480 to 4000 x 3000, with structure at every scale so that decoding costs what it costs for photos.
        int width = 640 + (int)(3360 * Math.Sqrt((double)i / (Files - 1)));
        int height = width * 3 / 4;
        using var small = new SKBitmap(new SKImageInfo(width / 16, height / 16));
        for (int y = 0; y < small.Height; y++)
        {
            for (int x = 0; x < small.Width; x++)
                small.SetPixel(x, y, new SKColor((uint)random.Next() | 0xFF000000));
        }

        using var photo = small.Resize(new SKImageInfo(width, height), SKFilterQuality.High);
        using var data = photo.Encode(SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(Path.Combine(folder, $"{i:0000}.jpg"), data.ToArray());
    }

    for (int i = Files; i < Photos; i++)
        File.CreateSymbolicLink(Path.Combine(folder, $"{i:0000}.jpg"), Path.Combine(folder, $"{i % Files:0000}.jpg"));
}

internal sealed class PhotoRow
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}

internal sealed class VectorRow
{
    public string Label { get; set; } = "";

    public byte[] Pixels { get; set; } = [];
}
