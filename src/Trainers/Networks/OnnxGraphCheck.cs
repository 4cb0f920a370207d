using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Checks that the graph of a file can become part of the scoring graph.</summary>
internal static class OnnxGraphCheck
{
    private const int MostNodes = 100_000;

    /// <exception cref="InvalidDataException">The graph cannot be used; the message says why.</exception>
    public static void Check(GraphProto graph)
    {
        if (graph.Node.Count == 0)
            throw new InvalidDataException("its graph has no nodes.");
        if (graph.Node.Count > MostNodes)
            throw new InvalidDataException($"its graph has {graph.Node.Count} nodes, and a backbone has at most {MostNodes}.");
        foreach (var node in graph.Node)
        {
            if (node.Domain is not ("" or "ai.onnx"))
                throw new InvalidDataException($"its node '{node.Name}' is a {node.OpType} of the domain '{node.Domain}', and only ONNX's own operators are standard.");
            if (node.Attribute.Any(attribute => attribute.G is not null))
                throw new InvalidDataException($"its node '{node.Name}' is a {node.OpType} with a graph inside, which a backbone must not have.");
            foreach (var attribute in node.Attribute.Where(attribute => attribute.T is not null))
                Check(attribute.T);
        }

        foreach (var tensor in graph.Initializer)
            Check(tensor);
    }

    private static void Check(TensorProto tensor)
    {
        if (tensor.IsFloat())
            tensor.CheckFloats();
        else if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            throw new InvalidDataException($"the tensor '{tensor.Name}' keeps its values in another file. Export the network into one file.");
        else if (tensor.DataType is 10 or 11 or 16)
            throw new InvalidDataException($"the tensor '{tensor.Name}' is not of 32-bit floats. Export the network in float32.");
    }
}
