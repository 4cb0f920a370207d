using System.IO.Compression;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Finds the SLA model inside a file that <c>mlContext.Model.Save</c> wrote.</summary>
internal static class SavedModel
{
    /// <summary>The entry that ML.NET's OnnxTransformer keeps its model in: the number of bytes, and the bytes.</summary>
    private const string OnnxEntry = "OnnxModel";

    public static (TrainedModel Model, SlaInference Inference) Read(string path)
    {
        var found = OnnxModels(path).Select(TryRead).OfType<(TrainedModel, SlaInference)>().ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new InvalidDataException($"'{path}' holds no SLA model. Give a file that mlContext.Model.Save wrote for a pipeline with Trainers.Sla."),
            _ => throw new InvalidDataException($"'{path}' holds {found.Count} SLA models. Save the one you want by itself, and load that."),
        };
    }

    private static List<byte[]> OnnxModels(string path)
    {
        try
        {
            using var archive = ZipFile.OpenRead(path);
            return [.. archive.Entries.Where(entry => entry.Name == OnnxEntry).Select(ReadBytes)];
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"'{path}' is not a model that mlContext.Model.Save wrote: {exception.Message}", exception);
        }
    }

    private static byte[] ReadBytes(ZipArchiveEntry entry)
    {
        using var reader = new BinaryReader(entry.Open());
        int length = reader.ReadInt32();
        byte[] bytes = reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new InvalidDataException($"The entry '{entry.FullName}' is cut off.");
    }

    private static (TrainedModel, SlaInference)? TryRead(byte[] onnx)
    {
        var model = ModelProto.Parser.ParseFrom(onnx);
        return TrainedModel.IsOne(model) ? TrainedModel.FromOnnx(model) : null;
    }
}
