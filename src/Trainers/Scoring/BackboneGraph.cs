using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>The ONNX nodes from the pixels of images to the embeddings of their views.</summary>
internal static class BackboneGraph
{
    /// <summary>Adds the nodes.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="network">What the network is.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="pixels">The value of B images, of 0 to 255.</param>
    /// <param name="allViews">Whether all M views are embedded, or the images as they are.</param>
    /// <returns>The value of the embeddings: B*M x D, image by image, or B x D.</returns>
    public static string Append(OnnxGraph graph, NetworkDescription network, Weights weights, string pixels, bool allViews)
    {
        string images = Images(graph, network, Normalize(graph, network, pixels), allViews);
        return network.Int8Ranges is { } ranges ? AppendInt8(graph, network, weights, images, ranges) : AppendFloats(graph, network, weights, images);
    }

    private static string AppendFloats(OnnxGraph graph, NetworkDescription network, Weights weights, string images) =>
        network.Architecture.Append(graph, network.Features.Shape, SlaNetwork.BackboneName, weights, images);

    private static string AppendInt8(OnnxGraph graph, NetworkDescription network, Weights weights, string images, float[] ranges)
    {
        var shape = network.Features.Shape;
        var floats = new OnnxGraph("backbone", prefix: "backbone.");
        floats.Input(images, OnnxType.Float, OnnxGraph.AnySize, shape.Channels, shape.Height, shape.Width);
        string embeddings = floats.Node("Identity", [AppendFloats(floats, network, weights, images)]);
        graph.Add(new Int8Graph(floats.Copy()).Quantize(ranges, keepsWeights: true));
        return embeddings;
    }

    private static string Normalize(OnnxGraph graph, NetworkDescription network, string pixels)
    {
        var features = network.Features;
        if (features.Kind == FeatureKind.Floats)
        {
            string scaled = features.ToByteRange == 1 ? pixels : graph.Node("Mul", [pixels, graph.Constant(features.ToByteRange)]);
            pixels = graph.Node("Round", [scaled]);
        }

        var shape = features.Shape;
        var (scale, offset) = network.Normalization.ForBytes(shape.Channels);
        string planes = graph.Node("Reshape", [pixels, graph.Constant(OnnxGraph.AnySize, shape.Channels, shape.Height * shape.Width)]);
        string normalized = graph.Node("Add", [graph.Node("Mul", [planes, PerChannel(scale)]), PerChannel(offset)]);
        return graph.Node("Reshape", [normalized, graph.Constant(OnnxGraph.AnySize, shape.Length)]);

        string PerChannel(float[] values) => graph.Floats(values, 1, shape.Channels, 1);
    }

    private static string Images(OnnxGraph graph, NetworkDescription network, string values, bool allViews)
    {
        var shape = network.Features.Shape;
        string views = allViews
            ? graph.Node("Gather", [values, graph.Indices(network.Transformations.ViewIndices(shape))], ("axis", 1))
            : values;
        return graph.Node("Reshape", [views, graph.Constant(OnnxGraph.AnySize, shape.Channels, shape.Height, shape.Width)]);
    }
}
