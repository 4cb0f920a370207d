using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>What the ONNX models of this library say of themselves, beside their graph.</summary>
internal static class OnnxMetadata
{
    public static bool Has(this IEnumerable<StringStringEntryProto> metadata, string key) => metadata.Any(entry => entry.Key == key);

    /// <exception cref="InvalidDataException">They are those of an ONNX model of another origin.</exception>
    public static string Value(this IEnumerable<StringStringEntryProto> metadata, string key) => metadata.FirstOrDefault(entry => entry.Key == key)?.Value
        ?? throw new InvalidDataException($"The ONNX model was not written by Microsoft.ML.Sla: it has no metadata '{key}'.");

    /// <summary>The initializers that are tensors of a network.</summary>
    public static Weights NetworkWeights(this ModelProto model)
    {
        var weights = new Weights();
        foreach (var tensor in model.Graph.Initializer.Where(tensor => SlaNetwork.IsTensorName(tensor.Name)))
            weights[tensor.Name] = ([.. tensor.Dims], tensor.Floats());
        return weights;
    }

    /// <summary>The values of an initializer of floats that this library wrote.</summary>
    public static float[] Floats(this TensorProto tensor) => MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray();
}
