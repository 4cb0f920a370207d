using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Adds nodes at both ends of a graph: after the images, and after the embedding.</summary>
internal static class OnnxEnds
{
    private const string BlueFirst = "blue.green.red";

    /// <summary>Adds a node behind a value.</summary>
    /// <returns>The value that it makes.</returns>
    public static string Append(this GraphProto graph, string operation, string input, params AttributeProto[] attributes) =>
        graph.AppendTo(operation, [input], attributes);

    /// <summary>Adds a node behind several values.</summary>
    /// <returns>The value that it makes. It is named after the first of them.</returns>
    public static string AppendTo(this GraphProto graph, string operation, IReadOnlyList<string> inputs, params AttributeProto[] attributes)
    {
        string output = $"{operation}.of.{inputs[0]}";
        graph.Node.Add(new NodeProto { OpType = operation, Name = output, Input = { inputs }, Output = { output }, Attribute = { attributes } });
        return output;
    }

    /// <summary>Moves the channels of the images to the last dimension.</summary>
    public static void PutChannelsLast(this GraphProto graph, string input) =>
        Prepend(graph, input, new NodeProto { OpType = "Transpose", Attribute = { OnnxGraph.AttributeOf("perm", new long[] { 0, 2, 3, 1 }) } });

    /// <summary>Reverses the channels of the images to blue, green, red.</summary>
    public static void PutBlueFirst(this GraphProto graph, string input)
    {
        graph.Initializer.Add(OnnxTensor.Longs(BlueFirst, 2, 1, 0));
        Prepend(graph, input, new NodeProto { OpType = "Gather", Input = { BlueFirst }, Attribute = { OnnxGraph.AttributeOf("axis", 1) } });
    }

    private static void Prepend(GraphProto graph, string input, NodeProto node)
    {
        string output = $"{node.OpType}.of.{input}";
        foreach (var user in graph.Node)
        {
            for (int i = 0; i < user.Input.Count; i++)
            {
                if (user.Input[i] == input)
                    user.Input[i] = output;
            }
        }

        node.Name = output;
        node.Input.Insert(0, input);
        node.Output.Add(output);
        graph.Node.Insert(0, node);
    }
}
