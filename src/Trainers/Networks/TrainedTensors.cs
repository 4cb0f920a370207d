using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Which float tensors of a graph out of an ONNX file are trained.</summary>
/// <remarks>
/// Those of convolutions, linear layers and normalisations, and vectors and larger tensors that are added, multiplied or repeated. Not
/// single numbers, statistics, the mean image and the standardisation of the embedding.
/// </remarks>
internal static class TrainedTensors
{
    private static readonly HashSet<string> Fixed = [OnnxNetwork.MeanImageName, OnnxNetwork.ScaleName, OnnxNetwork.ShiftName];

    /// <summary>Their names in the graph.</summary>
    public static HashSet<string> Of(GraphProto graph)
    {
        var weights = graph.Initializer.Where(tensor => tensor.IsFloat()).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        return [.. graph.Node.SelectMany(node => Operands(node, weights)).Where(operand => weights.ContainsKey(operand) && !Fixed.Contains(operand))];
    }

    /// <summary>The weights of convolutions and linear layers.</summary>
    public static HashSet<string> OfLayers(GraphProto graph)
    {
        var tensors = graph.Initializer.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        return [.. graph.Node.Where(node => node.OpType is "Conv" or "Gemm" or "MatMul").SelectMany(node => node.Input.Take(2)).Where(tensors.Contains)];
    }

    private static IEnumerable<string> Operands(NodeProto node, Dictionary<string, TensorProto> weights) => node.OpType switch
    {
        "Conv" or "Gemm" or "MatMul" => node.Input,
        "BatchNormalization" or "LayerNormalization" => node.Input.Skip(1).Take(2),
        "Add" or "Mul" or "Expand" => node.Input.Where(input => weights.TryGetValue(input, out var tensor) && TensorShape.Bytes(tensor.Dims, valueBytes: 1) > 1),
        _ => [],
    };
}
