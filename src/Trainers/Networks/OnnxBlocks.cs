using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The outputs of the residual blocks of a graph, as an embedding. See <see cref="BackboneEmbedding.Blocks"/>.</summary>
internal static class OnnxBlocks
{
    /// <summary>Number of image resolutions, from the last one on.</summary>
    private const int Resolutions = 2;

    /// <summary>Largest number of values of the embedding. More make heads slow, and were not found to be better.</summary>
    private const long MostValues = 4096;

    /// <summary>Keeps the gradient of the roots finite where a channel is zero everywhere.</summary>
    private const float Epsilon = 1e-6f;

    private const string EpsilonName = "blocks.epsilon";

    private static readonly HashSet<string> Activations = ["Relu", "LeakyRelu", "Clip", "PRelu", "HardSwish"];
    private static readonly HashSet<string> Pooling = ["GlobalAveragePool", "AveragePool", "ReduceMean", "Flatten", "Reshape", "Squeeze", "Identity", "Dropout"];

    /// <summary>The values that may be the outputs of blocks, in the order of the nodes: sums, after their activation, and the map that is pooled last.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="embedding">The last embedding.</param>
    public static IReadOnlyList<string> Candidates(GraphProto graph, string embedding)
    {
        var tensors = graph.Initializer.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var users = graph.Node.SelectMany(node => node.Input.Select(input => (input, node))).ToLookup(use => use.input, use => use.node, StringComparer.Ordinal);
        string map = LastMap(graph, embedding);
        var outputs = graph.Node.Where(node => node.OpType == "Add" && !node.Input.Any(tensors.Contains)).Select(sum => Activated(sum.Output[0])).ToHashSet(StringComparer.Ordinal);
        return outputs.Count == 0 ? [] : [.. graph.Node.SelectMany(node => node.Output).Where(value => value == map || outputs.Contains(value))];

        string Activated(string sum) => users[sum].ToList() is [var only] && Activations.Contains(only.OpType) ? only.Output[0] : sum;
    }

    /// <summary>Chooses the outputs that make up the embedding.</summary>
    /// <param name="outputs">What one image makes of the candidates.</param>
    /// <returns>The chosen ones in the same order; none if the network has no blocks with positions.</returns>
    public static IReadOnlyList<BackboneOutput> Choose(IReadOnlyList<BackboneOutput> outputs)
    {
        var maps = outputs.Where(output => output.Shape is [1, _, > 1, > 1]).ToList();
        long[] resolutions = [.. maps.Select(map => map.Positions).Distinct().Order().Take(Resolutions)];
        var chosen = resolutions.Select(positions => maps.Last(map => map.Positions == positions)).ToHashSet();
        long values = chosen.Sum(map => map.Channels);
        foreach (var map in Enumerable.Reverse(maps).Where(map => resolutions.Contains(map.Positions)))
        {
            if (values + map.Channels <= MostValues && chosen.Add(map))
                values += map.Channels;
        }

        return [.. maps.Where(chosen.Contains)];
    }

    /// <summary>The embedding of the image that made the outputs.</summary>
    public static float[] EmbeddingOf(IEnumerable<BackboneOutput> outputs) => [.. outputs.SelectMany(output =>
        output.Values.Chunk((int)output.Positions).Select(channel => (float)Math.Sqrt(Math.Sqrt(channel.Sum(value => (double)value * value / output.Positions) + Epsilon))))];

    /// <summary>
    /// Adds the nodes from the outputs to the embedding. The root of a root mean square has a less skewed distribution, which suits linear heads.
    /// </summary>
    /// <returns>The embedding, B x D.</returns>
    public static string Append(GraphProto graph, IEnumerable<string> outputs)
    {
        string[] squares = [.. outputs.Select(output => graph.Append("Flatten", graph.Append("GlobalAveragePool", graph.AppendTo("Mul", [output, output]))))];
        graph.Initializer.Add(OnnxTensor.Floats(EpsilonName, [Epsilon], 1));
        string joined = graph.AppendTo("Concat", squares, OnnxGraph.AttributeOf("axis", 1));
        return graph.Append("Sqrt", graph.Append("Sqrt", graph.AppendTo("Add", [joined, EpsilonName])));
    }

    private static string LastMap(GraphProto graph, string embedding)
    {
        string value = embedding;
        while (graph.Node.FirstOrDefault(node => node.Output.Contains(value)) is { } node && Pooling.Contains(node.OpType))
            value = node.Input[0];
        return value;
    }
}

/// <summary>A value of a network for one image.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">The value.</param>
internal sealed record BackboneOutput(string Name, long[] Shape, float[] Values)
{
    /// <summary>C of 1 x C x H x W.</summary>
    public long Channels => Shape[1];

    /// <summary>H*W of 1 x C x H x W.</summary>
    public long Positions => Shape[2] * Shape[3];
}
