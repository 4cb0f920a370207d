using Microsoft.ML.Data;

namespace Microsoft.ML.Sla.Faults;

/// <summary>The small runs that the faults happen to. Each ends with a hash of its model's weights.</summary>
internal static class TinyRun
{
    private const int Side = 16;
    private const int FrozenSide = 32;
    private const int Seed = 1;

    /// <summary>The kinds of runs.</summary>
    public static readonly string[] Kinds = ["training", "frozen", "search"];

    /// <summary>Runs to the end, from what an earlier process left in the folder.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="folder">The folder of the checkpoint or the search; null for none.</param>
    /// <param name="pause">Milliseconds to wait after a checkpoint or a batch, which gives time for a fault.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>A hash of all weights of the model.</returns>
    public static string Run(string kind, string? folder, int pause = 0, CancellationToken cancellationToken = default)
    {
        var mlContext = new MLContext(Seed);
        mlContext.Log += (_, message) =>
        {
            if (message.Kind >= Runtime.ChannelMessageKind.Warning)
                Console.Out.WriteLine($"{Child.Warning}{message.RawMessage.ReplaceLineEndings(" ")}");
        };
        using var model = kind switch
        {
            "search" => Search(mlContext, folder, pause, cancellationToken),
            _ => mlContext.MulticlassClassification.Trainers.Sla(Options(kind, folder, pause, cancellationToken)).Fit(Rows(mlContext, kind == "frozen" ? FrozenSide : Side)),
        };
        return HashOf(model);
    }

    private static SlaTrainer.Options Options(string kind, string? folder, int pause, CancellationToken cancellationToken)
    {
        bool isFrozen = kind == "frozen";
        return new SlaTrainer.Options
        {
            Channels = isFrozen ? 3 : 1,
            Architecture = isFrozen
                ? Architecture.FromOnnx(Path.Combine(AppContext.BaseDirectory, "backbone-resnet.onnx"), new OnnxBackboneOptions { ImageSize = FrozenSide })
                : Architecture.ConvNet(4),
            BackboneTraining = isFrozen ? BackboneTraining.Frozen : BackboneTraining.Full,
            Epochs = 10,
            BatchSize = 8,
            ValidationSetFraction = 0.25f,
            WeightAveraging = 0.9,
            Seed = Seed,
            Threads = 1,
            Device = SlaDevice.Cpu,
            Precision = Precision.Float32,
            CheckpointFolder = folder,
            CheckpointSteps = 1,
            Resume = folder is not null && !isFrozen,
            Observers = [new Watcher(pause)],
            CancellationToken = cancellationToken,
        };
    }

    private static SlaTransformer Search(MLContext mlContext, string? folder, int pause, CancellationToken cancellationToken)
    {
        var options = Options("training", folder: null, pause, CancellationToken.None);
        (options.Resume, options.ValidationSetFraction, options.WeightAveraging, options.Epochs, options.CheckpointSteps) = (false, null, null, 6, 2);
        return mlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options, Folder = folder })
            .SetDataset(Rows(mlContext, Side), validationFraction: 0.25f)
            .SetMaxModelToExplore(3)
            .SetSearchSpace(new SlaSearchSpace().Remove("Architecture"))
            .RunAsync(cancellationToken).GetAwaiter().GetResult().Model;
    }

    /// <summary>Dark and light images, which a network of any kind tells apart.</summary>
    private static IDataView Rows(MLContext mlContext, int side)
    {
        const int PerClass = 20;
        int channels = side == FrozenSide ? 3 : 1;
        var random = new Random(Seed);
        var rows = Enumerable.Range(0, 2 * PerClass).Select(number => new PixelRow
        {
            Features = [.. Enumerable.Range(0, channels * side * side).Select(_ => (byte)(random.Next(160) + (96 * (number % 2))))],
            Label = number % 2 == 0 ? "dark" : "light",
        }).ToList();
        var definition = SchemaDefinition.Create(typeof(PixelRow));
        definition[nameof(PixelRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, channels, side, side);
        var data = mlContext.Data.LoadFromEnumerable(rows, definition);
        return mlContext.Transforms.Conversion.MapValueToKey(nameof(PixelRow.Label)).Fit(data).Transform(data);
    }

    private static string HashOf(SlaTransformer model)
    {
        var hash = new System.IO.Hashing.XxHash128();
        foreach (var (name, _, values) in model.Model.Weights)
        {
            hash.Append(System.Text.Encoding.UTF8.GetBytes(name));
            hash.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Says when the run has begun, and slows it.</summary>
    private sealed class Watcher(int pause) : ITrainingObserver
    {
        public void OnStart(TrainingStarted plan) => Console.Out.WriteLine(Child.Started);

        public void OnCheckpoint(string path, long stepsDone) => Thread.Sleep(pause);

        public void OnEmbedding(EmbeddingProgress progress) => Thread.Sleep(pause);
    }

    private sealed class PixelRow
    {
        public required byte[] Features { get; init; }

        public required string Label { get; init; }
    }
}
