using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// Finds the layers in a graph that exporters write as several nodes: layer normalisation, GELU and SiLU. As one they keep less for the
/// backward pass, and the mean and variance of a layer normalisation are not rounded to 16 bits.
/// </summary>
/// <param name="graph">The graph, which stays.</param>
internal sealed class OnnxFusion(GraphProto graph)
{
    /// <summary>Over the last axis: x, epsilon, exponent, and where there are some, weight and bias.</summary>
    public const string LayerNorm = "fused LayerNormalization";

    /// <summary>x, and the three numbers of x * (erf(x / a) + b) * c.</summary>
    public const string Gelu = "fused Gelu";

    /// <summary>x.</summary>
    public const string Silu = "fused Silu";

    private readonly HashSet<string> _constants = [.. graph.Initializer.Select(tensor => tensor.Name)];
    private readonly ILookup<string, NodeProto> _users = graph.Node
        .SelectMany(node => node.Input.Select(input => (input, node))).ToLookup(use => use.input, use => use.node, StringComparer.Ordinal);

    /// <summary>The nodes, with one in place of several where they are such a layer.</summary>
    public List<NodeProto> Nodes()
    {
        var replaced = new HashSet<NodeProto>(ReferenceEqualityComparer.Instance);
        var byLast = new Dictionary<NodeProto, NodeProto>(ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Node)
        {
            if (Match(node) is not { } found || found.Parts.Any(replaced.Contains))
                continue;
            replaced.UnionWith(found.Parts);
            var last = found.Parts[^1];
            byLast[last] = new NodeProto { OpType = found.Operation, Name = last.Name, Input = { found.Operands }, Output = { last.Output } };
        }

        return [.. graph.Node.Where(node => !replaced.Contains(node) || byLast.ContainsKey(node)).Select(node => byLast.GetValueOrDefault(node, node))];
    }

    private (string Operation, string[] Operands, List<NodeProto> Parts)? Match(NodeProto node) => node.OpType switch
    {
        "ReduceMean" => MatchLayerNorm(node),
        "Div" => MatchGelu(node),
        "Sigmoid" => MatchSilu(node),
        _ => null,
    };

    private (string, string[], List<NodeProto>)? MatchLayerNorm(NodeProto mean)
    {
        string x = mean.Input[0];
        if (!IsOverLastAxis(mean)
            || Only(mean, "Sub") is not { } centred || centred.Input[0] != x
            || _users[centred.Output[0]].Count() != 2
            || _users[centred.Output[0]].FirstOrDefault(user => user.OpType == "Pow") is not { } power || !_constants.Contains(power.Input[1])
            || Only(power, "ReduceMean") is not { } variance || !IsOverLastAxis(variance)
            || Only(variance, "Add") is not { } sum || ConstantOf(sum) is not { } epsilon
            || Only(sum, "Sqrt") is not { } deviation
            || Only(deviation, "Div") is not { } normalized || normalized.Input[0] != centred.Output[0])
        {
            return null;
        }

        List<NodeProto> parts = [mean, centred, power, variance, sum, deviation, normalized];
        string[] operands = [x, epsilon, power.Input[1]];
        if (Only(normalized, "Mul") is { } scaled && VectorOf(scaled) is { } weight && Only(scaled, "Add") is { } shifted && VectorOf(shifted) is { } bias)
            return (LayerNorm, [.. operands, weight, bias], [.. parts, scaled, shifted]);
        return (LayerNorm, operands, parts);
    }

    private (string, string[], List<NodeProto>)? MatchGelu(NodeProto quotient)
    {
        string x = quotient.Input[0];
        if (!_constants.Contains(quotient.Input[1])
            || Only(quotient, "Erf") is not { } erf
            || Only(erf, "Add") is not { } sum || ConstantOf(sum) is not { } one
            || Only(sum, "Mul") is not { } product || !product.Input.Contains(x)
            || Only(product, "Mul") is not { } result || ConstantOf(result) is not { } half)
        {
            return null;
        }

        return (Gelu, [x, quotient.Input[1], one, half], [quotient, erf, sum, product, result]);
    }

    private (string, string[], List<NodeProto>)? MatchSilu(NodeProto sigmoid) =>
        Only(sigmoid, "Mul") is { } product && product.Input.Contains(sigmoid.Input[0]) ? (Silu, [sigmoid.Input[0]], [sigmoid, product]) : null;

    private static bool IsOverLastAxis(NodeProto mean) => mean.Ints("axes") is [-1] && mean.Int("keepdims", 1) == 1;

    /// <summary>The user of a node's value, where it is the only one and of an operator.</summary>
    private NodeProto? Only(NodeProto node, string operation) =>
        _users[node.Output[0]].ToList() is [{ } user] && user.OpType == operation ? user : null;

    private string? ConstantOf(NodeProto node) => node.Input.FirstOrDefault(_constants.Contains);

    private string? VectorOf(NodeProto node) =>
        node.Input.FirstOrDefault(input => graph.Initializer.Any(tensor => tensor.Name == input && tensor.IsFloat() && tensor.Dims.Count == 1));
}
