using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;
using Microsoft.ML.Data;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Files of small models with random weights, and files like them that say something else.</summary>
internal static class ModelFile
{
    public const int Side = 16;

    /// <summary>Writes a classifier of images.</summary>
    public static void Save(MLContext mlContext, string path, bool int8 = false)
    {
        using var model = NewClassifier(mlContext);
        using var saved = int8 ? model.ToInt8(Images(mlContext)) : null;
        mlContext.Model.Save(saved ?? model, null, path);
    }

    /// <summary>A classifier of images of 16 x 16 pixels in colour, three classes and four rotations.</summary>
    public static SlaTransformer NewClassifier(MLContext mlContext)
    {
        TorchLibrary.EnsureLoaded();
        var architecture = Architecture.ConvNet(4);
        var features = new FeatureColumn("Image", FeatureKind.Image, new ImageShape(3, Side, Side), ImageResizingEstimator.ResizingKind.IsoCrop, 255);
        var description = new ModelDescription(
            SlaObjective.SlaSelfDistillation, new ObjectiveSettings(), architecture, TransformationSet.Rotation, features, PixelNormalization.MinusOneToOne,
            new ClassLabels("Label", DataKind.String, ["a", "b", "c"]), "Score", "PredictedLabel", ViewScoresColumn: null, "0.1.0");
        using var network = new SlaNetwork(architecture, features.Shape, description.CreateObjective().Heads, seed: 3);
        return new SlaTransformer(mlContext, new TrainedModel(description, network.GetWeights()), SlaInference.Aggregated);
    }

    /// <summary>An image of random pixels.</summary>
    public static MLImage Image(int seed = 1)
    {
        byte[] pixels = new byte[4 * Side * Side];
        new Random(seed).NextBytes(pixels);
        for (int i = 3; i < pixels.Length; i += 4)
            pixels[i] = byte.MaxValue;
        return MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Bgra32, pixels);
    }

    /// <summary>Rows of a column Image.</summary>
    public static IDataView Images(MLContext mlContext, int count = 4) =>
        mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new ImageRow { Image = Image(i) }).ToList());

    /// <summary>Writes a copy of a saved model with a change in its ONNX model, and checksums that are right.</summary>
    public static void Change(string path, string changedPath, Action<ModelProto> change) => ChangeEntry(path, changedPath, bytes =>
    {
        var model = ModelProto.Parser.ParseFrom(bytes.AsSpan(sizeof(int)));
        change(model);
        byte[] onnx = model.ToByteArray();
        byte[] entry = new byte[sizeof(int) + onnx.Length];
        BinaryPrimitives.WriteInt32LittleEndian(entry, onnx.Length);
        onnx.CopyTo(entry, sizeof(int));
        return entry;
    });

    /// <summary>Writes a copy of a saved model with a change in its description.</summary>
    public static void ChangeDescription(string path, string changedPath, string part, string by) => Change(path, changedPath, model =>
    {
        var description = model.MetadataProps.Single(entry => entry.Value.StartsWith('{'));
        Xunit.Assert.Contains(part, description.Value, StringComparison.Ordinal);
        description.Value = description.Value.Replace(part, by, StringComparison.Ordinal);
    });

    /// <summary>Writes a copy of a saved model with a change in the entry that holds the ONNX model, after its length.</summary>
    public static void ChangeEntry(string path, string changedPath, Func<byte[], byte[]> change)
    {
        using var archive = ZipFile.OpenRead(path);
        using var changed = ZipFile.Open(changedPath, ZipArchiveMode.Create);
        foreach (var entry in archive.Entries)
        {
            using var source = entry.Open();
            using var content = new MemoryStream();
            source.CopyTo(content);
            using var target = changed.CreateEntry(entry.FullName).Open();
            target.Write(entry.Name == "OnnxModel" ? change(content.ToArray()) : content.ToArray());
        }
    }

    public sealed class ImageRow
    {
        [ImageType(Side, Side)]
        public MLImage? Image { get; set; }
    }
}
