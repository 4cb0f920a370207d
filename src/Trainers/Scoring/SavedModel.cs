using System.IO.Compression;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>The SLA model inside a file that <c>mlContext.Model.Save</c> wrote.</summary>
/// <param name="Onnx">The ONNX model as it was saved.</param>
/// <param name="Metadata">Its metadata.</param>
internal sealed record SavedModel(byte[] Onnx, RepeatedField<StringStringEntryProto> Metadata)
{
    /// <summary>The entry that ML.NET's OnnxTransformer keeps its model in: the number of bytes, and the bytes.</summary>
    private const string OnnxEntry = "OnnxModel";

    private static readonly MessageParser<ModelMetadataProto> MetadataParser = ModelMetadataProto.Parser.WithDiscardUnknownFields(true);

    /// <summary>Finds the model.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, or several.</exception>
    public static SavedModel Find(string path)
    {
        var found = OnnxModels(path).Select(Of).Where(model => TrainedModel.IsOne(model.Metadata)).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new InvalidDataException($"'{path}' holds no SLA model. Give a file that mlContext.Model.Save wrote for a pipeline with Trainers.Sla."),
            _ => throw new InvalidDataException($"'{path}' holds {found.Count} SLA models. Save the one you want by itself, and load that."),
        };
    }

    /// <summary>An ONNX model as it would be saved.</summary>
    public static SavedModel Of(byte[] onnx) => new(onnx, MetadataParser.ParseFrom(onnx).MetadataProps);

    /// <summary>Reads its weights.</summary>
    /// <exception cref="InvalidDataException">They are rounded to 8 bits.</exception>
    public (TrainedModel Model, SlaInference Inference) Read() => TrainedModel.FromOnnx(ModelProto.Parser.ParseFrom(Onnx));

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
}
