using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf.Collections;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Finds the model of this library inside a file that <c>mlContext.Model.Save</c> wrote.</summary>
internal static class SavedModel
{
    /// <summary>The entry in which ML.NET's OnnxTransformer stores its model: the number of bytes, followed by the bytes.</summary>
    private const string OnnxEntry = "OnnxModel";

    /// <summary>Reads the one model of a kind.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">The name of the kind for messages, such as <c>SLA model</c>.</param>
    /// <param name="origin">The method that makes models of the kind.</param>
    /// <param name="isOne">Returns whether metadata belong to a model of the kind.</param>
    /// <param name="read">Converts the ONNX model that was found.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no model of the kind, holds several, or is damaged.</exception>
    public static T Read<T>(string path, string kind, string origin, Func<RepeatedField<StringStringEntryProto>, bool> isOne, Func<ModelProto, T> read) =>
        ParsedFile.Read(path, "a model that mlContext.Model.Save wrote", () => read(Find(path, kind, origin, isOne)));

    private static ModelProto Find(string path, string kind, string origin, Func<RepeatedField<StringStringEntryProto>, bool> isOne)
    {
        ModelProto? found = null;
        using var archive = ZipFile.OpenRead(path);
        foreach (var entry in archive.Entries.Where(entry => entry.Name == OnnxEntry))
        {
            var model = ModelProto.Parser.ParseFrom(Onnx(entry));
            if (!isOne(model.MetadataProps))
                continue;
            if (found is not null)
                throw new InvalidDataException($"'{path}' holds more than one {kind}. Save the one you want by itself, and load that.");
            found = model;
        }

        return found ?? throw new InvalidDataException($"'{path}' holds no {kind}. Give a file that mlContext.Model.Save wrote for a pipeline with {origin}.");
    }

    private static ReadOnlySpan<byte> Onnx(ZipArchiveEntry entry)
    {
        byte[] bytes = ArchiveEntry.Read(entry);
        int length = bytes.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes);
        return length == bytes.Length - sizeof(int)
            ? bytes.AsSpan(sizeof(int))
            : throw new InvalidDataException($"the entry '{entry.FullName}' declares {length} bytes and has {bytes.Length - sizeof(int)}.");
    }
}
