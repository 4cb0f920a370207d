using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// Brings the nodes of a graph to the opset of the scoring graph, 17 (ONNX specification, Changelog.md). Nodes whose operator means the
/// same there stay.
/// </summary>
/// <param name="graph">The graph, which is changed.</param>
/// <param name="version">The opset that its nodes are of.</param>
internal sealed class OnnxUpgrade(GraphProto graph, long version)
{
    public const int Opset = 17;
    private const int Oldest = 7;
    private const int Newest = 22;

    private int _lastConstant;

    /// <exception cref="NotSupportedException">There is no way from the opset to 17.</exception>
    public static void CheckVersion(long version)
    {
        if (version is < Oldest or > Newest)
            throw new NotSupportedException($"its nodes are of ONNX opset {version}, and opsets {Oldest} to {Newest} can be read. Export the network with opset {Opset}.");
    }

    /// <exception cref="NotSupportedException">A node cannot be written in opset 17.</exception>
    public void Run()
    {
        foreach (var node in graph.Node)
            Upgrade(node);
    }

    private void Upgrade(NodeProto node)
    {
        switch (node.OpType)
        {
            case "BatchNormalization":
                if (node.Attribute.Any(attribute => attribute.Name == "spatial" && attribute.I != 1))
                    throw Unsupported(node, "with statistics of its own for each position");
                Remove(node, "spatial");
                break;
            case "Clip" when version < 11:
                AddFloat(node, "min", float.MinValue);
                AddFloat(node, "max", float.MaxValue);
                break;
            case "Softmax" or "LogSoftmax" when version < 13 && node.Int("axis", 1) != -1:
                throw Unsupported(node, $"of opset {version}, which takes all axes from the one given together");
            case "Squeeze" or "Unsqueeze" or "ReduceSum" when version < 13:
                AddLongs(node, "axes");
                break;
            case "Split" when version < 13:
                AddLongs(node, "split");
                break;
            case "Split" when version >= 18:
                Remove(node, "num_outputs");
                break;
            case "Dropout":
                // Without its ratio and mode, which changed places, it does nothing when a network scores.
                while (node.Input.Count > 1)
                    node.Input.RemoveAt(node.Input.Count - 1);
                node.Attribute.Clear();
                node.OpType = "Identity";
                break;
            case "Slice" when version < 10:
                throw Unsupported(node, $"of opset {version}");
            case "Pad" when version < 11:
                throw Unsupported(node, $"of opset {version}");
            case "Upsample":
                throw Unsupported(node, "which newer opsets do not have");
            case "ReduceMean" or "ReduceMax" or "ReduceMin" or "ReduceProd" or "ReduceL1" or "ReduceL2" or "ReduceLogSum" or "ReduceLogSumExp" or "ReduceSumSquare" when version >= 18:
                AxesToAttribute(node);
                break;
            case "Gelu" or "GroupNormalization" or "Mish" when version > Opset:
                throw Unsupported(node, $"of opset {version}");
            default:
                break;
        }
    }

    private static NotSupportedException Unsupported(NodeProto node, string what) =>
        new($"its node '{node.Name}' is a {node.OpType} {what}. Export the network with opset {Opset}.");

    private static void Remove(NodeProto node, string attribute)
    {
        if (node.Attribute.FirstOrDefault(entry => entry.Name == attribute) is { } found)
            node.Attribute.Remove(found);
    }

    private void AddFloat(NodeProto node, string attribute, float standard)
    {
        float value = node.Attribute.FirstOrDefault(entry => entry.Name == attribute)?.F ?? standard;
        Remove(node, attribute);
        AddConstant(node, OnnxTensor.Floats(NextName(), [value]));
        graph.Initializer[^1].Dims.Clear();
    }

    private void AddLongs(NodeProto node, string attribute)
    {
        if (node.Attribute.FirstOrDefault(entry => entry.Name == attribute) is not { } axes)
            return;
        node.Attribute.Remove(axes);
        AddConstant(node, OnnxTensor.Longs(NextName(), [.. axes.Ints]));
    }

    private void AddConstant(NodeProto node, TensorProto tensor)
    {
        graph.Initializer.Add(tensor);
        node.Input.Add(tensor.Name);
    }

    private void AxesToAttribute(NodeProto node)
    {
        if (node.Input.Count < 2)
            return;
        var axes = graph.Initializer.FirstOrDefault(tensor => tensor.Name == node.Input[1])
            ?? throw Unsupported(node, "over axes that are computed");
        node.Input.RemoveAt(1);
        node.Attribute.Add(OnnxGraph.AttributeOf("axes", axes.ReadLongs()));
    }

    private string NextName() => $"upgrade.{_lastConstant++}";
}

/// <summary>Attributes of ONNX nodes.</summary>
internal static class OnnxAttribute
{
    public static long Int(this NodeProto node, string name, long standard) =>
        node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.I ?? standard;

    public static float Float(this NodeProto node, string name, float standard) =>
        node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.F ?? standard;

    public static long[]? Ints(this NodeProto node, string name) =>
        node.Attribute.FirstOrDefault(attribute => attribute.Name == name) is { } found ? [.. found.Ints] : null;

    public static string? Text(this NodeProto node, string name) =>
        node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.S.ToStringUtf8();
}
