using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The values of tensors in ONNX files, whichever of the format's fields they are in.</summary>
internal static class OnnxTensor
{
    public static bool IsFloat(this TensorProto tensor) => tensor.DataType == (int)OnnxType.Float;

    /// <exception cref="InvalidDataException">The tensor has values in another file, or not as many as its shape.</exception>
    public static float[] ReadFloats(this TensorProto tensor) =>
        Read(tensor, OnnxType.Float, tensor.FloatData.Count > 0 ? [.. tensor.FloatData] : MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray());

    /// <exception cref="InvalidDataException">As <see cref="ReadFloats"/> throws.</exception>
    public static void CheckFloats(this TensorProto tensor) =>
        Check(tensor, OnnxType.Float, tensor.FloatData.Count > 0 ? tensor.FloatData.Count : tensor.RawData.Length / sizeof(float));

    /// <summary>Moves floats to the field that copies of the tensor share.</summary>
    public static void ShareFloats(this TensorProto tensor)
    {
        if (tensor.FloatData.Count == 0)
            return;
        float[] values = [.. tensor.FloatData];
        tensor.FloatData.Clear();

        // Copies of the tensor would copy the room that the values had.
        tensor.FloatData.Capacity = 0;
        tensor.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values));
    }

    /// <exception cref="InvalidDataException">The tensor is of another type, has values in another file, or not as many as its shape.</exception>
    public static long[] ReadLongs(this TensorProto tensor) => tensor.DataType == (int)OnnxType.Int32
        ? [.. Read(tensor, OnnxType.Int32, tensor.Int32Data.Count > 0 ? [.. tensor.Int32Data] : MemoryMarshal.Cast<byte, int>(tensor.RawData.Span).ToArray())]
        : Read(tensor, OnnxType.Int64, tensor.Int64Data.Count > 0 ? [.. tensor.Int64Data] : MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray());

    public static TensorProto Floats(string name, float[] values, params long[] shape) =>
        Of(name, OnnxType.Float, MemoryMarshal.AsBytes<float>(values), shape);

    public static TensorProto Longs(string name, params long[] values) => Of(name, OnnxType.Int64, MemoryMarshal.AsBytes<long>(values), values.Length);

    /// <summary>The tensor's name, type and shape, without its values.</summary>
    public static TensorProto WithoutValues(this TensorProto tensor) => new() { Name = tensor.Name, DataType = tensor.DataType, Dims = { tensor.Dims } };

    private static TensorProto Of(string name, OnnxType type, ReadOnlySpan<byte> bytes, params ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.AddRange(shape.ToArray());
        return tensor;
    }

    private static T[] Read<T>(TensorProto tensor, OnnxType type, T[] values)
    {
        Check(tensor, type, values.Length);
        return values;
    }

    private static void Check(TensorProto tensor, OnnxType type, int count)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            throw new InvalidDataException($"the tensor '{tensor.Name}' keeps its values in another file. Export the network into one file.");
        if (tensor.DataType != (int)type || TensorShape.Bytes(tensor.Dims, valueBytes: 1) != count)
            throw new InvalidDataException($"the tensor '{tensor.Name}' has {count} values of type {tensor.DataType}, and its shape is [{string.Join(", ", tensor.Dims)}].");
    }
}
