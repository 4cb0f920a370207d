using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// Many predictions from the bytes of files on several threads, each compared with that of the file; memory and open files while they go on;
/// and in turn a loop of ONNX Runtime alone on the same graph, with pixels that are ready.
/// </summary>
internal sealed class Predictions : IDisposable
{
    public const string Verb = "predictions";

    private const int Rounds = 5;
    private const int MostFiles = 500;

    private readonly SlaPredictor _predictor;
    private readonly byte[][] _files;
    private readonly IReadOnlyList<float>[] _expected;
    private readonly SessionOptions _options = new() { IntraOpNumThreads = 1 };
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly float[] _pixels;
    private readonly int _threads;

    private Predictions(string model, string images, int threads)
    {
        _threads = threads;
        _predictor = SlaPredictor.Load(model);
        string[] paths = [.. Directory.EnumerateFiles(images, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(MostFiles)];
        _files = Array.ConvertAll(paths, File.ReadAllBytes);
        _expected = [.. _predictor.Predict(paths).Select(prediction => prediction.Score)];
        _session = new InferenceSession(SavedClassifier.Read(model).Onnx, _options);
        _pixels = [.. Enumerable.Range(0, _predictor.ImageShape.Length).Select(i => (float)(i % 256))];
    }

    /// <summary>Measures, adds a line for each round and way, and prints what came of it.</summary>
    /// <param name="model">A saved model.</param>
    /// <param name="images">A folder of images.</param>
    /// <param name="count">Number of predictions, in five rounds.</param>
    /// <param name="threads">Number of threads.</param>
    /// <param name="results">Where the lines go.</param>
    /// <returns>1 where an answer was another than that of the file.</returns>
    public static int Run(string model, string images, int count, int threads, Results results)
    {
        using var measured = new Predictions(model, images, threads);
        measured.FromBytes(count / 20);
        measured.Bare(count / 20);
        int wrong = 0;
        for (int round = 1; round <= Rounds; round++)
        {
            wrong += Append("SlaPredictor, from bytes", measured.FromBytes(count / Rounds), round);
            Append("ONNX Runtime alone, pixels ready", measured.Bare(count / Rounds), round);
        }

        return wrong == 0 ? 0 : 1;

        int Append(string way, JsonObject line, int round)
        {
            (line["way"], line["round"], line["threads"]) = (way, round, threads);
            Console.WriteLine(line.ToJsonString());
            results.Append(line);
            return (int?)line["wrong"] ?? 0;
        }
    }

    public void Dispose()
    {
        _predictor.Dispose();
        _run.Dispose();
        _session.Dispose();
        _options.Dispose();
    }

    private JsonObject FromBytes(int count)
    {
        int wrong = 0;
        var line = Measure(count, i =>
        {
            int file = i % _files.Length;
            if (!_predictor.Predict(_files[file]).Score.SequenceEqual(_expected[file]))
                Interlocked.Increment(ref wrong);
        });
        line["wrong"] = wrong;
        return line;
    }

    private JsonObject Bare(int count) => Measure(count, _ =>
    {
        using var input = OrtValue.CreateTensorValueFromMemory(_pixels, [1, _pixels.Length]);
        using var outputs = _session.Run(_run, [_session.InputNames[0]], [input], [_session.OutputNames[0]]);
    });

    private JsonObject Measure(int count, Action<int> predict)
    {
        double[] milliseconds = new double[count];
        int next = -1;
        long start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, _threads).Select(_ => new Thread(() =>
        {
            for (int i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
            {
                long begin = Stopwatch.GetTimestamp();
                predict(i);
                milliseconds[i] = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        Array.Sort(milliseconds);
        using var process = Process.GetCurrentProcess();
        return new JsonObject
        {
            ["predictions"] = count,
            ["per_s"] = Math.Round(count / seconds, 1),
            ["p50_ms"] = Math.Round(milliseconds[count / 2], 3),
            ["p99_ms"] = Math.Round(milliseconds[count / 100 * 99], 3),
            ["working_set_mib"] = process.WorkingSet64 >> 20,
            ["handles"] = process.HandleCount,
            ["cores"] = Environment.ProcessorCount,
        };
    }
}
