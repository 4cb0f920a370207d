using System.IO.Compression;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>A model of this library inside a file that <c>mlContext.Model.Save</c> wrote.</summary>
/// <param name="Onnx">The ONNX model as it was saved.</param>
/// <param name="Metadata">Its metadata.</param>
internal sealed record SavedModel(byte[] Onnx, RepeatedField<StringStringEntryProto> Metadata)
{
    /// <summary>The entry that ML.NET's OnnxTransformer keeps its model in: the number of bytes, and the bytes.</summary>
    private const string OnnxEntry = "OnnxModel";

    private static readonly MessageParser<ModelMetadataProto> MetadataParser = ModelMetadataProto.Parser.WithDiscardUnknownFields(true);

    /// <summary>Finds the one model of a kind.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">What the model is called, such as <c>SLA model</c>.</param>
    /// <param name="origin">The method that makes such models.</param>
    /// <param name="isOne">Whether metadata are those of the kind.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no such model, or several.</exception>
    public static SavedModel Find(string path, string kind, string origin, Func<IEnumerable<StringStringEntryProto>, bool> isOne)
    {
        var found = OnnxModels(path).Select(Of).Where(model => isOne(model.Metadata)).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new InvalidDataException($"'{path}' holds no {kind}. Give a file that mlContext.Model.Save wrote for a pipeline with {origin}."),
            _ => throw new InvalidDataException($"'{path}' holds {found.Count} {kind}s. Save the one you want by itself, and load that."),
        };
    }

    /// <summary>An ONNX model as it would be saved.</summary>
    public static SavedModel Of(byte[] onnx) => new(onnx, MetadataParser.ParseFrom(onnx).MetadataProps);

    /// <summary>All of the ONNX model, with its graph and its weights.</summary>
    public ModelProto Parse() => ModelProto.Parser.ParseFrom(Onnx);

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
