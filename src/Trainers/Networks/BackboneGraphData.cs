using Google.Protobuf;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The graph of a network from an ONNX file, from images to embeddings. Its float tensors are the weights, which are kept apart.</summary>
/// <param name="graph">The nodes and the tensors. Float tensors need only names and shapes.</param>
/// <param name="input">The value of B x C x H x W normalised images.</param>
/// <param name="embedding">The value of B x D embeddings.</param>
internal sealed class BackboneGraphData(GraphProto graph, string input, string embedding)
{
    /// <summary>Prefix of the names of other values, so that they differ from all names of the scoring graph.</summary>
    private const string ValuePrefix = "onnx.";

    /// <summary>The nodes, and the tensors that are no weights.</summary>
    public GraphProto Graph { get; } = graph;

    public string Input { get; } = input;

    public string Embedding { get; } = embedding;

    /// <summary>The float tensors. They have values only if the graph comes from an ONNX file.</summary>
    public IEnumerable<TensorProto> FloatTensors => Graph.Initializer.Where(tensor => tensor.IsFloat());

    /// <summary>The graph without the values of its weights, as it is saved.</summary>
    public byte[] ToBytes()
    {
        var structure = new GraphProto { Name = Graph.Name };
        structure.Node.AddRange(Graph.Node);
        structure.Initializer.AddRange(Graph.Initializer.Select(tensor => tensor.IsFloat() ? tensor.WithoutValues() : tensor));
        return structure.ToByteArray();
    }

    /// <summary>The weights' values, under the names that a network has for them.</summary>
    public Weights ReadWeights()
    {
        var weights = new Weights();
        foreach (var tensor in FloatTensors)
            weights[WeightName(tensor.Name)] = ([.. tensor.Dims], tensor.ReadFloats());
        return weights;
    }

    /// <summary>The weights' shapes by name.</summary>
    public IReadOnlyDictionary<string, long[]> Shapes() => FloatTensors.ToDictionary(tensor => WeightName(tensor.Name), tensor => (long[])[.. tensor.Dims]);

    /// <summary>The name of a weight in the network.</summary>
    public static string WeightName(string tensor) => $"{SlaNetwork.BackboneName}.{ParameterName(tensor)}";

    /// <summary>The name of a weight in the torch module. Torch reads a dot as a module, so names have none.</summary>
    public static string ParameterName(string tensor) => string.Concat(tensor.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));

    /// <summary>Adds the nodes to a graph.</summary>
    /// <param name="target">The graph.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="images">The value of the normalised images there.</param>
    /// <returns>The value of the embeddings.</returns>
    public string Append(OnnxGraph target, Weights weights, string images)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal) { [Input] = images, [""] = "" };
        foreach (var tensor in Graph.Initializer)
        {
            if (tensor.IsFloat())
            {
                string name = WeightName(tensor.Name);
                var (shape, values) = weights[name];
                names[tensor.Name] = target.Initializer(name, values, shape);
            }
            else
            {
                var constant = tensor.Clone();
                constant.Name = names[tensor.Name] = ValuePrefix + tensor.Name;
                target.Add(constant);
            }
        }

        foreach (var node in Graph.Node)
        {
            var copy = new NodeProto { Name = ValuePrefix + node.Name, OpType = node.OpType };
            copy.Attribute.AddRange(node.Attribute);
            copy.Input.AddRange(node.Input.Select(value => names.GetValueOrDefault(value, ValuePrefix + value)));
            foreach (string output in node.Output)
                copy.Output.Add(names[output] = output.Length == 0 ? "" : ValuePrefix + output);
            target.Add(copy);
        }

        return names[Embedding];
    }
}
