using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// From photos to the embeddings of Microsoft's ResNet-18 at 224 x 224 pixels: this library beside ONNX Runtime alone on the same graph, in turn,
/// in one process.
/// </summary>
internal sealed class FeatureExtraction : IDisposable
{
    public const string Verb = "features";

    private const string Alone = "ONNX Runtime alone";
    private const string InMemory = "this library, pixels in memory";
    private const string FromFolder = "this library, from the folder";
    private const string SkiaSharpAlone = "reading, SkiaSharp alone";
    private const string LibraryReading = "reading, this library";
    private const string Column = "Image";
    private const int Side = 224;
    private const int BatchSize = EmbeddingRun.BatchSize;

    private readonly Photos _photos;
    private readonly int _threads;
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly IChannel _channel;
    private readonly SlaTrainer _reader;
    private readonly TrainingRows _rows;
    private readonly float[][] _batches;
    private readonly List<IDisposable> _sessions = [];
    private readonly List<Way> _ways = [];

    private FeatureExtraction(Photos photos, int threads)
    {
        (_photos, _threads) = (photos, threads);
        _channel = ((IHostEnvironment)_mlContext).Register(Verb).Start(Verb);
        _reader = NewTrainer(BackboneEmbedding.Last, Precision.Float32);
        _rows = Read(_photos.Count);
        _batches = [.. _rows.Training.Rows.Chunk(BatchSize).Select(FloatsOf)];
        _ways.Add(new Way("", SkiaSharpAlone, 1, count => _photos.ReadPlainly(Side, count, _threads)));
        _ways.Add(new Way("", LibraryReading, 1, count => Read(count)));
        AddFile();
        AddWays(BackboneEmbedding.Last, Precision.Float32, aloneToo: 1);
        AddWays(BackboneEmbedding.Blocks, Precision.Float32);
        AddWays(BackboneEmbedding.Blocks, Precision.Int8);
    }

    /// <summary>Measures all ways in turn, adds a line for each, and prints the medians.</summary>
    /// <param name="folder">The photos, one folder a class.</param>
    /// <param name="rounds">Measurements of each way.</param>
    /// <param name="images">Number of photos. Those of the last batch are left out if it is not full.</param>
    /// <param name="results">Where the lines go.</param>
    public static int Run(string folder, int rounds, int images, Results results)
    {
        using var measured = new FeatureExtraction(new Photos(folder, images / BatchSize * BatchSize), Environment.ProcessorCount);
        foreach (var way in measured._ways)
            way.Run(BatchSize);
        for (int round = 1; round <= rounds; round++)
        {
            Console.Error.WriteLine($"{DateTime.Now:T} round {round} of {rounds}");
            foreach (var way in measured._ways)
                results.Append(measured.Measure(way, round));
        }

        Console.Write(measured.Table());
        return 0;
    }

    public void Dispose()
    {
        foreach (var session in _sessions)
            session.Dispose();
        _channel.Dispose();
    }

    private JsonObject Measure(Way way, int round)
    {
        long start = Stopwatch.GetTimestamp();
        var processor = Environment.CpuUsage.TotalTime;
        way.Run(_photos.Count);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double processorSeconds = (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
        way.Rates.Add(_photos.Count / seconds);
        way.ProcessorMilliseconds.Add(1000 * processorSeconds / _photos.Count);
        return new JsonObject
        {
            ["network"] = way.Network,
            ["way"] = way.Name,
            ["batch"] = way.BatchSize,
            ["threads"] = _threads,
            ["round"] = round,
            ["images"] = _photos.Count,
            ["images_per_s"] = _photos.Count / seconds,
            ["processor_s"] = processorSeconds,
        };
    }

    /// <summary>Adds Microsoft's file as it is, which takes one image at a time.</summary>
    private void AddFile()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
        AddAlone(File.ReadAllBytes(file), "Microsoft's file", batchSize: 1);
    }

    /// <summary>Adds ONNX Runtime alone and this library on one graph.</summary>
    /// <param name="embedding">What the embedding is made of.</param>
    /// <param name="precision">The precision.</param>
    /// <param name="aloneToo">Another batch size of ONNX Runtime alone; null for none.</param>
    private void AddWays(BackboneEmbedding embedding, Precision precision, int? aloneToo = null)
    {
        string network = $"{embedding}, {precision}";
        var plan = NewTrainer(embedding, precision).Plan(_rows);
        plan = plan.Host.Compute(plan.WithFrozenPrecision);
        byte[] graph = EmbeddingExtractor.Graph(plan.Description, plan.BackboneWeights());
        if (aloneToo is { } batchSize)
            AddAlone(graph, network, batchSize);
        AddAlone(graph, network, BatchSize);

        var run = new EmbeddingRun(plan.Host, _channel, plan.Description, plan.BackboneWeights(), plan.Options);
        _sessions.Add(run);
        _ways.Add(new Way(network, InMemory, BatchSize, count => Embed(First(_rows, count))));
        _ways.Add(new Way(network, FromFolder, BatchSize, count => Embed(First(Read(count), count))));

        void Embed(RowSelection rows)
        {
            using var store = EmbeddingStore.Of(plan.Description, rows.Labels, plan.Options);
            run.Embed(rows, [null], store, [.. Enumerable.Range(0, store.Count)]);
        }
    }

    private void AddAlone(byte[] graph, string network, int batchSize)
    {
        var session = new BareSession(graph, batchSize, _threads);
        _sessions.Add(session);
        _ways.Add(new Way(network, Alone, batchSize, count => session.Embed(_batches.Take(count / BatchSize))));
    }

    private float[] FloatsOf(int[] rows) => [.. rows.SelectMany(row => _rows.Training.Store.Pixels(row).ToArray()).Select(value => (float)value)];

    private TrainingRows Read(int count) => _reader.ReadRows(_channel, _photos.Rows(_mlContext, Column, Side, count), validationSet: null);

    private static RowSelection First(TrainingRows rows, int count) => rows.Training with { Rows = rows.Training.Rows[..count] };

    private SlaTrainer NewTrainer(BackboneEmbedding embedding, Precision precision) => _mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
    {
        FeatureColumnName = Column,
        ImageWidth = Side,
        ImageHeight = Side,
        Architecture = Architecture.PretrainedResNet18(embedding),
        BackboneTraining = BackboneTraining.Frozen,
        Objective = SlaObjective.Baseline,
        Precision = precision,
        Threads = _threads,
    });

    /// <summary>Medians, and the medians of what each way is over ONNX Runtime alone in the same round.</summary>
    private string Table()
    {
        var skiaSharp = _ways.Single(way => way.Name == SkiaSharpAlone);
        var rows = _ways.Select(way =>
        {
            var alone = _ways.FirstOrDefault(other => other.Network == way.Network && other.Name == Alone && other.BatchSize == BatchSize);
            string overAlone = alone is null ? "" : Ratio(way.Rates, alone.Rates);
            string overBoth = alone is null || way.Name != FromFolder ? "" : Ratio(way.Rates, skiaSharp.Rates.Zip(alone.Rates, (read, embedded) => 1 / ((1 / read) + (1 / embedded))));
            return string.Create(CultureInfo.InvariantCulture, $"| {way.Network} | {way.Name} | {way.BatchSize} | {Median.Of(way.Rates):F1} | {overAlone} | {overBoth} | {Median.Of(way.ProcessorMilliseconds):F1} |");
        });
        return string.Join('\n',
        [
            $"| network | way | batch | images/s | over {Alone} | over SkiaSharp, then {Alone} | processor time of an image (ms) |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
            .. rows,
            "",
            $"Medians of {skiaSharp.Rates.Count} rounds on {_photos.Count} photos.",
            "",
        ]);

        static string Ratio(IEnumerable<double> rates, IEnumerable<double> others) =>
            Median.Of(rates.Zip(others, (rate, other) => rate / other)).ToString("F2", CultureInfo.InvariantCulture);
    }

    /// <summary>A way from photos or pixels to embeddings, or a part of it.</summary>
    /// <param name="Network">The network with its precision; empty for none.</param>
    /// <param name="Name">The name of the way.</param>
    /// <param name="BatchSize">Images at a time.</param>
    /// <param name="Run">Goes the way with the first so many images.</param>
    private sealed record Way(string Network, string Name, int BatchSize, Action<int> Run)
    {
        /// <summary>Images a second in each round.</summary>
        public List<double> Rates { get; } = [];

        /// <summary>Milliseconds of the processor for an image in each round. Other programs hardly change them.</summary>
        public List<double> ProcessorMilliseconds { get; } = [];
    }
}
