using System.IO.Compression;
using Google.Protobuf;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Fuzz.Seeds;

/// <summary>Models, weights and a checkpoint, as small as they can be.</summary>
internal static class ModelSeeds
{
    private const string TableExtension = ".idv";

    /// <summary>Larger networks say nothing more, and their weights take most of the mutations.</summary>
    private const int LargestBackbone = 64_000;

    public static void Write(string folder)
    {
        var mlContext = new MLContext(seed: 1);
        var photos = TinyTraining.Photos(mlContext, folder);
        WriteClassifier(mlContext, photos, folder);
        WriteBackbones(mlContext, photos, folder);
        WriteFewShot(mlContext, photos, folder);
        WriteCheckpoint(mlContext, folder);
    }

    private static void WriteClassifier(MLContext mlContext, IDataView photos, string folder)
    {
        using var model = mlContext.MulticlassClassification.Trainers.Sla(TinyTraining.Options("Image", channels: 3)).Fit(photos);
        using var ofViews = model.WithInference(SlaInference.Aggregated).WithViewScores();
        using var int8 = model.ToInt8(photos);
        Save(mlContext, model, photos, folder, "model", "model.zip");
        Save(mlContext, ofViews, photos, folder, "model", "views.zip");
        Save(mlContext, model.Append(mlContext.Transforms.CopyColumns("Copy", "Score").Fit(model.Transform(photos))), photos, folder, "model", "pipeline.zip");
        Save(mlContext, int8, photos, folder, "int8", "int8.zip");

        string exported = Path.Combine(folder, "exported.onnx");
        model.ExportOnnx(exported);
        byte[] onnx = File.ReadAllBytes(exported);
        File.Delete(exported);
        ImageSeeds.Save(folder, "weights-onnx", "own.onnx", onnx);
        ImageSeeds.Save(folder, "weights-onnx", "other.onnx", OfOtherOrigin(onnx));
        using var safetensors = new MemoryStream();
        SafetensorsFile.Write(safetensors, [.. model.Model.Weights], new Dictionary<string, string> { ["format"] = "pt" });
        ImageSeeds.Save(folder, "weights-safetensors", "weights.safetensors", safetensors.ToArray());
    }

    /// <summary>The networks that others have trained, and a model on one of them.</summary>
    private static void WriteBackbones(MLContext mlContext, IDataView photos, string folder)
    {
        string[] paths = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Backbones"));
        foreach (string path in paths.Where(path => new FileInfo(path).Length < LargestBackbone))
            ImageSeeds.Save(folder, "backbone", Path.GetFileName(path), File.ReadAllBytes(path));

        var options = TinyTraining.Options("Image", channels: 3);
        options.Architecture = Architecture.FromOnnx(paths.Single(path => Path.GetFileName(path) == "backbone-resnet-folded.onnx"));
        options.BackboneTraining = BackboneTraining.Frozen;
        foreach (var precision in new[] { Precision.Float32, Precision.Int8 })
        {
            options.Precision = precision;
            using var model = mlContext.MulticlassClassification.Trainers.Sla(options).Fit(photos);
            Save(mlContext, model, photos, folder, "frozen", $"frozen-{precision}.zip");
        }
    }

    /// <summary>As a program writes it that knows nothing of this library, and keeps its numbers one by one.</summary>
    private static byte[] OfOtherOrigin(byte[] onnx)
    {
        var model = ModelProto.Parser.ParseFrom(onnx);
        model.MetadataProps.Clear();
        foreach (var tensor in model.Graph.Initializer.Where(tensor => SlaNetwork.IsTensorName(tensor.Name)))
        {
            tensor.FloatData.AddRange(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray());
            tensor.RawData = ByteString.Empty;
        }

        return model.ToByteArray();
    }

    private static void WriteFewShot(MLContext mlContext, IDataView photos, string folder)
    {
        using var embedding = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
        {
            FeatureColumnName = "Image",
            ImageWidth = ImageSeeds.PhotoSide,
            ImageHeight = ImageSeeds.PhotoSide,
            Architecture = TinyTraining.Architecture,
            Ways = 2,
            Shots = 1,
            Queries = 1,
            Episodes = 4,
            Seed = 1,
            Threads = 1,
            Device = SlaDevice.Cpu,
            Precision = Precision.Float32,
        }).Fit(photos);
        var embedded = embedding.Transform(photos);
        using var prototypes = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding).Fit(embedded);
        Save(mlContext, embedding, photos, folder, "embedding", "embedding.zip");
        Save(mlContext, prototypes, embedded, folder, "prototypes", "prototypes.zip");
    }

    /// <summary>The checkpoint after the first of two epochs.</summary>
    private static void WriteCheckpoint(MLContext mlContext, string folder)
    {
        string run = Path.Combine(folder, "run");
        var options = TinyTraining.CheckpointOptions(run);
        options.CheckpointSteps = 1;
        var keep = new KeepCheckpoint();
        options.Observers = [keep];
        mlContext.MulticlassClassification.Trainers.Sla(options).Fit(TinyTraining.Vectors(mlContext)).Dispose();
        Directory.Delete(run, recursive: true);
        ImageSeeds.Save(folder, "checkpoint", Path.GetFileName(new CheckpointFile(run).Path), keep.Bytes!);
    }

    /// <summary>
    /// Saves a model, and writes the archive again without what differs from time to time: when it was, and the tables, whose blocks ML.NET
    /// writes in any order, and which no reader of this library reads.
    /// </summary>
    private static void Save(MLContext mlContext, ITransformer model, IDataView rows, string folder, string kind, string name)
    {
        using var file = new MemoryStream();
        mlContext.Model.Save(model, rows.Schema, file);
        var entries = ArchiveFile.Read(file.ToArray()).Where(entry => Path.GetExtension(entry.Name) != TableExtension);
        ImageSeeds.Save(folder, kind, name, ArchiveFile.Write(entries, CompressionLevel.Optimal));
    }

    private sealed class KeepCheckpoint : ITrainingObserver
    {
        private long _steps;

        public byte[]? Bytes { get; private set; }

        public void OnStart(TrainingStarted plan) => _steps = plan.Steps;

        public void OnCheckpoint(string path, long stepsDone)
        {
            if (2 * stepsDone == _steps)
                Bytes = File.ReadAllBytes(path);
        }
    }
}
