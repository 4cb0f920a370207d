using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// A training step of ResNet-18 on photos of 160 x 160 pixels, 32 of them, one view each: this library beside PyTorch (fine_tuning.py), each
/// measurement in a process of its own, in turn.
/// </summary>
internal static class FineTuning
{
    public const string Verb = "fine-tuning";

    /// <summary>Microsoft's network out of its ONNX file. Its last stage has a block more than ResNet-18 has.</summary>
    private const string OfFile = "file";

    /// <summary>The layers of torchvision's ResNet-18.</summary>
    private const string OfLayers = "layers";

    private const string Peer = "PyTorch";
    private const string ChannelsLast = "channels last";
    private const int Side = 160;
    private const int BatchSize = 32;
    private const int Classes = 10;
    private const int WarmUp = 2;
    private const int Steps = 8;

    private static readonly string[] Networks = [OfFile, OfLayers];

    /// <summary>Measures all ways in turn, adds a line for each, and prints the medians.</summary>
    /// <param name="repeats">Measurements of each way.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="results">Where the lines go.</param>
    public static int Run(int repeats, int threads, Results results)
    {
        var measured = new List<JsonObject>();
        for (int repeat = 1; repeat <= repeats; repeat++)
        {
            Console.Error.WriteLine($"{DateTime.Now:T} repeat {repeat} of {repeats}");
            foreach (var (network, way, measure) in Networks.SelectMany(network => Ways(network, threads)))
            {
                var line = new JsonObject { ["network"] = network, ["way"] = way, ["threads"] = threads, ["repeat"] = repeat };
                foreach (var (name, value) in measure())
                    line[name] = value!.DeepClone();
                measured.Add(line);
                results.Append(line, (string?)line["version"] is { } version ? $"{Peer} {version}" : null);
            }
        }

        Console.Write(Table(measured, repeats));
        return 0;
    }

    /// <summary>Measures steps of this library in this process.</summary>
    /// <param name="network"><see cref="OfFile"/> or <see cref="OfLayers"/>.</param>
    /// <param name="precision">The precision.</param>
    /// <param name="threads">Number of threads.</param>
    public static JsonObject Measure(string network, Precision precision, int threads)
    {
        var mlContext = new MLContext(seed: 1);
        var ends = new List<(TimeSpan Time, TimeSpan Processor)>();
        var clock = Stopwatch.StartNew();
        var options = new SlaTrainer.Options
        {
            FeatureColumnName = nameof(Photo.Pixels),
            ImageWidth = Side,
            ImageHeight = Side,
            Architecture = network == OfFile ? Architecture.PretrainedResNet18(BackboneEmbedding.Last) : Architecture.ResNet(18),
            Objective = SlaObjective.Baseline,
            BatchSize = BatchSize,
            Epochs = WarmUp + Steps,
            LearningRate = 0.001,
            Momentum = 0.9,
            WeightDecay = 1e-4,
            Precision = precision,
            Threads = threads,
            MetricsCallback = _ => ends.Add((clock.Elapsed, Environment.CpuUsage.TotalTime)),
        };
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(Photos(mlContext));

        var steps = ends.Zip(ends.Skip(1)).Skip(WarmUp - 1).ToList();
        double step = Median.Of(steps.Select(ends => (ends.Second.Time - ends.First.Time).TotalSeconds));
        return new JsonObject
        {
            ["parameters"] = options.Architecture.Cost(new ImageShape(3, Side, Side)).Parameters,
            ["step_s"] = step,
            ["processor_s"] = Median.Of(steps.Select(ends => (ends.Second.Processor - ends.First.Processor).TotalSeconds)),
            ["images_per_s"] = BatchSize / step,
        };
    }

    /// <summary>The ways to train a network, PyTorch's first.</summary>
    private static IEnumerable<(string Network, string Way, Func<JsonObject> Measure)> Ways(string network, int threads)
    {
        string[] options = ["--threads", $"{threads}", "--blocks", "2", "2", "2", network == OfFile ? "3" : "2"];
        yield return (network, Peer, () => OfPeer(options));
        yield return (network, $"{Peer}, {ChannelsLast}", () => OfPeer([.. options, "--channels-last"]));
        foreach (var precision in new[] { Precision.Float32, Precision.BFloat16 })
            yield return (network, $"this library, {precision.ToString().ToLowerInvariant()}", () => MeasuredProcess.OfThis("measure", Verb, network, $"{precision}", $"{threads}"));
    }

    private static JsonObject OfPeer(string[] options) =>
        MeasuredProcess.OfPython(Path.Combine(AppContext.BaseDirectory, "fine_tuning.py"), [.. options, "--side", $"{Side}", "--batch", $"{BatchSize}", "--classes", $"{Classes}", "--steps", $"{Steps}"]);

    private static string Table(List<JsonObject> measured, int repeats)
    {
        var rows =
            from ofNetwork in measured.GroupBy(line => (string)line["network"]!)
            let beside = MedianOf(ofNetwork.Where(line => ((string)line["way"]!).EndsWith(ChannelsLast, StringComparison.Ordinal)), "images_per_s")
            from ofWay in ofNetwork.GroupBy(line => (string)line["way"]!)
            let images = MedianOf(ofWay, "images_per_s")
            select string.Create(CultureInfo.InvariantCulture, $"| {ofNetwork.Key} | {ofWay.Key} | {images:F1} | {images / beside:F2} | {MedianOf(ofWay, "processor_s"):F3} | {MedianOf(ofWay, "peak_mib"):F0} |");
        return string.Join('\n',
        [
            $"| network | way | images/s | over {Peer}, {ChannelsLast} | processor time of a step (s) | peak memory (MiB) |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
            .. rows,
            "",
            $"Medians of {repeats} processes each, in turn.",
            "",
        ]);

        static double MedianOf(IEnumerable<JsonObject> lines, string name) => Median.Of(lines.Select(line => line[name]!.GetValue<double>()));
    }

    /// <summary>A batch of photos of random bytes.</summary>
    private static IDataView Photos(MLContext mlContext)
    {
        var random = new Random(1);
        var photos = Enumerable.Range(0, BatchSize).Select(i => new Photo { Class = $"class {i % Classes}" }).ToList();
        foreach (var photo in photos)
            random.NextBytes(photo.Pixels);
        var data = mlContext.Data.LoadFromEnumerable(photos);
        return mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Photo.Class)).Fit(data).Transform(data);
    }

    private sealed class Photo
    {
        [VectorType(3 * Side * Side)]
        public byte[] Pixels { get; set; } = new byte[3 * Side * Side];

        public string Class { get; set; } = "";
    }
}
