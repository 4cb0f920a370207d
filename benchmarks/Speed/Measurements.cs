using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Transforms.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Speed;

/// <summary>
/// What this library takes for the work of the PyTorch script: ResNet-32, 32 x 32 x 3, 10 classes, 4 rotations, 128 images a step.
/// Each runs in a process of its own and prints one line of JSON.
/// </summary>
internal static class Measurements
{
    private const int BatchSize = 128;
    private const int Classes = 10;
    private const int Side = 32;

    public static int Print(string name, string[] options)
    {
        JsonObject result = name switch
        {
            "matmul" => MatrixProducts(),
            "train" => Train(options is [var precision] ? Enum.Parse<Precision>(precision, ignoreCase: true) : Precision.Auto),
            "score" => Score(),
            "folder" => Folder(options.Single()),
            FineTuning.Verb => FineTuning.Measure(options[0], Enum.Parse<Precision>(options[1], ignoreCase: true), threads: options is [_, _, var count] ? int.Parse(count, CultureInfo.InvariantCulture) : Environment.ProcessorCount),
            _ => throw new ArgumentException($"There is no measurement '{name}'."),
        };
        Console.WriteLine(result.ToJsonString());
        return 0;
    }

    /// <summary>GFLOP/s of torch's matrix product, 2048 x 2048 x 2048, on all processors.</summary>
    private static JsonObject MatrixProducts()
    {
        TorchLibrary.EnsureLoaded();
        set_num_threads(Environment.ProcessorCount);
        return new JsonObject
        {
            ["float32_gflops"] = Rate(ScalarType.Float32),
            ["bfloat16_gflops"] = Rate(ScalarType.BFloat16),
        };

        static double Rate(ScalarType type)
        {
            const int Size = 2048;
            using var scope = NewDisposeScope();
            Tensor a = randn(Size, Size).to(type);
            Tensor b = randn(Size, Size).to(type);
            return 2 * Math.Pow(Size, 3) / 1e9 / MedianSeconds(() => a.matmul(b).Dispose(), repeats: 9);
        }
    }

    /// <summary>Steps of Fit with the default options, and the time from its call to the end of the first.</summary>
    private static JsonObject Train(Precision precision)
    {
        const int Steps = 5;
        var mlContext = new MLContext(seed: 1);
        var ends = new List<double>();
        var clock = new Stopwatch();
        var data = Vectors(mlContext, BatchSize);
        var options = Options(epochs: Steps);
        options.Precision = precision;
        options.MetricsCallback = _ => ends.Add(clock.Elapsed.TotalSeconds);
        clock.Start();
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(data);

        double[] steps = [.. ends.Zip(ends.Skip(1), (start, end) => end - start).Order()];
        double step = steps[steps.Length / 2];
        return new JsonObject
        {
            ["step_s"] = step,
            ["images_per_s"] = BatchSize / step,
            ["first_step_s"] = ends[0],
            ["process_to_first_step_s"] = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds - clock.Elapsed.TotalSeconds + ends[0],
        };
    }

    /// <summary>Images a second of a data view, and milliseconds of one prediction beside those of ONNX Runtime alone.</summary>
    private static JsonObject Score()
    {
        const int Images = 4 * BatchSize;
        const int Repeats = 3;
        const int Predictions = 20;
        var mlContext = new MLContext(seed: 1);
        var data = Vectors(mlContext, Images);
        var options = Options(epochs: 1);
        options.Objective = SlaObjective.SlaSelfDistillation;
        using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(data);
        var rows = mlContext.Data.CreateEnumerable<Row>(data, reuseRowObject: false).ToList();
        var result = new JsonObject();
        foreach (var inference in new[] { SlaInference.Aggregated, SlaInference.Single, SlaInference.Distilled })
        {
            string name = inference.ToString().ToLowerInvariant();
            var clock = Stopwatch.StartNew();
            using var scorer = model.WithInference(inference);
            using var engine = mlContext.Model.CreatePredictionEngine<Row, Prediction>(scorer);
            engine.Predict(rows[0]);
            result[$"{name}_first_prediction_s"] = clock.Elapsed.TotalSeconds;
            result[$"{name}_images_per_s"] = Images / MedianSeconds(() => ScoreAll(scorer, data), Repeats);
            Loaded(scorer, data, rows[0], name, result);

            using (var int8 = scorer.ToInt8(data, BatchSize))
                result[$"{name}_int8_images_per_s"] = Images / MedianSeconds(() => ScoreAll(int8, data), Repeats);

            string file = Path.GetTempFileName();
            scorer.SaveOnnx(file);
            using var session = new InferenceSession(file);
            File.Delete(file);
            float[] pixels = Array.ConvertAll(rows[0].Pixels, value => (float)value);
            using var input = OrtValue.CreateTensorValueFromMemory(pixels, [1, pixels.Length]);
            using var run = new RunOptions();

            // In turn, for what else the machine does changes from second to second.
            var ratios = new List<double>();
            for (int repeat = 0; repeat < Repeats; repeat++)
            {
                double ours = MedianSeconds(() => engine.Predict(rows[0]), Predictions);
                double bare = MedianSeconds(() => session.Run(run, ["Sla.Pixels"], [input], ["Score"]).Dispose(), Predictions);
                ratios.Add(ours / bare);
                result[$"{name}_engine_ms"] = 1000 * ours;
            }

            ratios.Sort();
            result[$"{name}_engine_over_bare"] = ratios[Repeats / 2];
        }

        return result;
    }

    /// <summary>The saved model as ML.NET alone opens it: time to a prediction, and images a second with ONNX Runtime's default threads and with one a row.</summary>
    private static void Loaded(SlaTransformer scorer, IDataView data, Row row, string name, JsonObject result)
    {
        string file = Path.GetTempFileName();
        new MLContext().Model.Save(scorer, data.Schema, file);
        var mlContext = new MLContext();
        var clock = Stopwatch.StartNew();
        var model = mlContext.Model.Load(file, out _);
        using (var engine = mlContext.Model.CreatePredictionEngine<Row, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false }))
            engine.Predict(row);
        result[$"{name}_load_to_prediction_s"] = clock.Elapsed.TotalSeconds;
        result[$"{name}_loaded_images_per_s"] = data.GetRowCount()!.Value / MedianSeconds(() => ScoreAll(model, data), repeats: 3);
        (model as IDisposable)?.Dispose();

        mlContext.SetOnnxSessionOption(new OnnxSessionOptions { IntraOpNumThreads = 1 });
        model = mlContext.Model.Load(file, out _);
        result[$"{name}_loaded_one_thread_images_per_s"] = data.GetRowCount()!.Value / MedianSeconds(() => ScoreAll(model, data), repeats: 3);
        (model as IDisposable)?.Dispose();
        File.Delete(file);
    }

    /// <summary>An epoch from a folder of JPEG files, one folder a class: how much of it is reading, decoding and augmenting.</summary>
    private static JsonObject Folder(string directory)
    {
        const int Images = 2048;
        var mlContext = new MLContext(seed: 1);
        string[] files = [.. Directory.EnumerateFiles(directory, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        var data = mlContext.Data.LoadFromEnumerable(files.Where((_, i) => i % (files.Length / Images) == 0).Take(Images)
            .Select(path => new ImageFile { Path = path, Label = Path.GetFileName(Path.GetDirectoryName(path)!) }));
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.LoadUprightImages("Image", "Path"));
        var options = Options(epochs: 2);
        options.FeatureColumnName = "Image";
        var reports = new List<(double Time, TrainingProgress Metrics)>();
        var clock = Stopwatch.StartNew();
        options.MetricsCallback = metrics => reports.Add((clock.Elapsed.TotalSeconds, metrics));
        double started = 0;
        options.Observers = [new StartObserver(() => started = clock.Elapsed.TotalSeconds)];
        using var model = pipeline.Append(mlContext.MulticlassClassification.Trainers.Sla(options)).Fit(data).LastTransformer;

        double[] epochEnds = [.. reports.Where(report => report.Metrics.IsEpochEnd).Select(report => report.Time)];
        double epoch = epochEnds[1] - epochEnds[0];
        double augmenting = StepBenchmarks.SecondsOfLoading(Images / BatchSize);
        return new JsonObject
        {
            ["first_step_s"] = reports[0].Time,
            ["reading_s"] = started,
            ["augmenting_s"] = augmenting,
            ["epoch_s"] = epoch,
            ["share_of_first_epoch"] = (started + augmenting) / (started + epoch),
            ["share_of_later_epochs"] = augmenting / epoch,
        };
    }

    private static SlaTrainer.Options Options(int epochs) => new()
    {
        FeatureColumnName = nameof(Row.Pixels),
        Architecture = Architecture.CifarResNet(32),
        BatchSize = BatchSize,
        Epochs = epochs,
        LearningRate = 0.01,
        Seed = 1,
    };

    /// <summary>Images of random bytes, with their labels as keys.</summary>
    private static IDataView Vectors(MLContext mlContext, int count)
    {
        var random = new Random(1);
        var rows = new List<Row>();
        for (int i = 0; i < count; i++)
        {
            var row = new Row { Class = $"class {i % Classes}" };
            random.NextBytes(row.Pixels);
            rows.Add(row);
        }

        var data = mlContext.Data.LoadFromEnumerable(rows);
        return mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Class)).Fit(data).Transform(data);
    }

    private static void ScoreAll(ITransformer scorer, IDataView data)
    {
        foreach (float[] score in scorer.Transform(data).GetColumn<float[]>("Score"))
            GC.KeepAlive(score);
    }

    private static double MedianSeconds(Action work, int repeats)
    {
        work();
        var seconds = new double[repeats];
        for (int i = 0; i < repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[repeats / 2];
    }

    private sealed class StartObserver(Action start) : ITrainingObserver
    {
        public void OnStart(TrainingStarted plan) => start();
    }

    private sealed class Row
    {
        [VectorType(3 * Side * Side)]
        public byte[] Pixels { get; set; } = new byte[3 * Side * Side];

        public string Class { get; set; } = "";
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }

    private sealed class ImageFile
    {
        public string Path { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
