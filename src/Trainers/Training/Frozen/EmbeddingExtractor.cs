using System.IO.Hashing;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Computes the embeddings of images by ONNX Runtime, with the nodes that the scoring model has.</summary>
internal sealed class EmbeddingExtractor : IDisposable
{
    /// <summary>Name of the graph's input: B x C*H*W values of 0 to 255.</summary>
    public const string Input = "Pixels";

    private const string Output = "Embeddings";

    private readonly SessionOptions _options;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly int _length;

    /// <param name="network">What the network is.</param>
    /// <param name="weights">The weights of its backbone.</param>
    /// <param name="threads">Number of threads.</param>
    public EmbeddingExtractor(NetworkDescription network, Weights weights, int threads)
    {
        _length = network.Features.Shape.Length;
        Size = network.Architecture.EmbeddingSize;
        _options = new SessionOptions { IntraOpNumThreads = threads };
        byte[] graph = Graph(network, weights);
        Identity = XxHash128.HashToUInt128(graph);
        _session = new InferenceSession(graph, _options);
    }

    /// <summary>Hash of the graph with its weights.</summary>
    public UInt128 Identity { get; }

    /// <summary>Number of images that were embedded.</summary>
    public long Images { get; private set; }

    /// <summary>D, the number of values of an embedding.</summary>
    public int Size { get; }

    /// <summary>Embeds images.</summary>
    /// <param name="pixels">B x C*H*W values of 0 to 255.</param>
    /// <param name="count">B.</param>
    /// <returns>B x D values.</returns>
    /// <exception cref="InvalidOperationException">The network makes a value that is not finite.</exception>
    public float[] Embed(float[] pixels, int count)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, pixels.AsMemory(0, count * _length), [count, _length]);
        using var outputs = _session.Run(_run, [Input], [input], [Output]);
        float[] values = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        Images += count;
        return Array.TrueForAll(values, float.IsFinite)
            ? values
            : throw new InvalidOperationException(
                "The backbone makes embeddings of an image that are not finite numbers. Check that Normalization is the one that the network was trained with.");
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
        _options.Dispose();
    }

    /// <summary>The graph from pixels to embeddings.</summary>
    public static byte[] Graph(NetworkDescription network, Weights weights)
    {
        // The store holds bytes for every kind of column.
        var ofBytes = network with { Features = network.Features with { Kind = Data.FeatureKind.Image } };
        var graph = new OnnxGraph("embeddings");
        string pixels = graph.Input(Input, OnnxType.Float, OnnxGraph.AnySize, network.Features.Shape.Length);
        string embeddings = BackboneGraph.Append(graph, ofBytes, weights, pixels, allViews: false);
        graph.Output(Output, embeddings, OnnxType.Float, OnnxGraph.AnySize, network.Architecture.EmbeddingSize);
        return graph.ToBytes();
    }
}
