using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>Reads the metadata and tensors of this library's ONNX models.</summary>
internal static class OnnxMetadata
{
    public static bool Has(this IEnumerable<StringStringEntryProto> metadata, string key) => metadata.Any(entry => entry.Key == key);

    /// <exception cref="InvalidDataException">The metadata has no such key: this library did not write the model.</exception>
    public static string Value(this IEnumerable<StringStringEntryProto> metadata, string key) => metadata.FirstOrDefault(entry => entry.Key == key)?.Value
        ?? throw new InvalidDataException($"The ONNX model was not written by Microsoft.ML.Sla: it has no metadata '{key}'.");

    /// <summary>The initializers that are tensors of a network.</summary>
    /// <exception cref="InvalidDataException">There is no graph, or a tensor does not have its values as floats in the file.</exception>
    public static Weights NetworkWeights(this ModelProto model)
    {
        var weights = new Weights();
        foreach (var tensor in model.Initializers().Where(tensor => SlaNetwork.IsTensorName(tensor.Name)))
            weights[tensor.Name] = ([.. tensor.Dims], tensor.Floats());
        return weights;
    }

    /// <exception cref="InvalidDataException">There is no graph.</exception>
    public static IEnumerable<TensorProto> Initializers(this ModelProto model) =>
        model.Graph?.Initializer ?? throw new InvalidDataException("the ONNX model has no graph.");

    /// <summary>The values of an initializer of floats that this library wrote.</summary>
    /// <exception cref="InvalidDataException">The values are in another file, or their number does not match the shape.</exception>
    public static float[] Floats(this TensorProto tensor)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            throw new InvalidDataException($"the tensor '{tensor.Name}' keeps its values in another file.");
        if (tensor.DataType != (int)OnnxType.Float || TensorShape.Bytes(tensor.Dims, sizeof(float)) != tensor.RawData.Length)
            throw new InvalidDataException($"the tensor '{tensor.Name}' has {tensor.RawData.Length} bytes, which are not floats of shape [{string.Join(", ", tensor.Dims)}].");
        return MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray();
    }

    /// <summary>Reads a member of an enumeration from the metadata, by its name.</summary>
    /// <exception cref="InvalidDataException">The metadata names no member of the enumeration.</exception>
    public static T Member<T>(this IEnumerable<StringStringEntryProto> metadata, string key)
        where T : struct, Enum => (T)EnumMember.Parse(typeof(T), metadata.Value(key));

    /// <summary>Checks that a stored graph equals the one that its description and weights make.</summary>
    /// <exception cref="InvalidDataException">The graphs differ.</exception>
    public static void CheckGraph(this ModelProto stored, OnnxGraph made)
    {
        if (!made.Equals(stored))
        {
            throw new InvalidDataException(
                "its graph is not the network that its description and weights make, so programs would disagree about its predictions. Save the model again.");
        }
    }
}
