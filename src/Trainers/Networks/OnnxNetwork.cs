using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>A backbone from an ONNX file. See <see cref="Architecture.FromOnnx"/>.</summary>
internal sealed class OnnxNetwork : Architecture
{
    /// <summary>The factor on the embedding at the end: one, or one over the deviation if it is standardised.</summary>
    public const string ScaleName = "embedding_scale";

    /// <summary>The term that is then added: zero, or minus the mean over the deviation.</summary>
    public const string ShiftName = "embedding_shift";

    /// <summary>The mean image, which is subtracted from an image.</summary>
    public const string MeanImageName = "mean_image";

    /// <summary>Names of the tensors that this class adds to those of the file.</summary>
    public static readonly IReadOnlyList<string> OwnTensors = [ScaleName, ShiftName, MeanImageName];

    /// <summary>The operators of residual networks with ReLU, and of the embedding after them.</summary>
    private static readonly HashSet<string> PlainOperators =
    [
        "Conv", "BatchNormalization", "Relu", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Flatten", "Reshape", "Mul", "Sub", "Sqrt", "Concat", "Gather",
    ];

    private const string GreyName = "grey.in";
    private const int Channels = 3;

    private readonly BackboneGraphData _data;
    private readonly BackboneProbe? _probe;
    private readonly MeanImage? _meanImage;
    private (ImageShape Shape, NetworkCost Cost)? _cost;

    [JsonConstructor]
    public OnnxNetwork(string name, int embeddingSize, string input, string embedding, byte[] graph)
        : this(name, embeddingSize, new BackboneGraphData(GraphProto.Parser.ParseFrom(graph), input, embedding), weights: null, normalization: null, probe: null, meanImage: null)
    {
    }

    private OnnxNetwork(
        string name, int embeddingSize, BackboneGraphData data, Weights? weights, PixelNormalization? normalization, BackboneProbe? probe, MeanImage? meanImage)
    {
        (Name, EmbeddingSize, _data, InitialWeights, InitialNormalization, _probe, _meanImage) = (name, embeddingSize, data, weights, normalization, probe, meanImage);
    }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public override string Name { get; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public override int EmbeddingSize { get; }

    public string Input => _data.Input;

    public string Embedding => _data.Embedding;

    public byte[] Graph => _data.ToBytes();

    internal override Weights? InitialWeights { get; }

    internal override PixelNormalization? InitialNormalization { get; }

    internal override bool SuitsInt8 => _data.Graph.Node.All(node => PlainOperators.Contains(node.OpType) && node.Int("group", 1) == 1);

    internal override string Identity => InitialWeights is null ? Name : $"{Name} {Fingerprint():x8}";

    /// <summary>Makes the network of a file, and checks it against the file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="data">Its graph, with weights.</param>
    /// <param name="normalization">The normalisation of pixels that it was trained with.</param>
    /// <param name="probe">The embedding of a test image by the file's own graph.</param>
    /// <exception cref="InvalidDataException">The graph takes only one image at a time, or its embeddings differ from the file's.</exception>
    public static OnnxNetwork Of(string name, BackboneGraphData data, PixelNormalization normalization, BackboneProbe probe)
    {
        int size = probe.Shape.Length == 3 ? (int)probe.Shape[2] : (int)probe.Shape[1];
        var standardized = Standardized(data, size);
        var network = new OnnxNetwork(name, size, standardized, standardized.ReadWeights(), normalization, probe, meanImage: null);
        var (values, shape) = network.RunOnTwo(probe.Side, probe.Side, "Export it with a free batch (dynamic_axes, or dynamic_shapes, of the first dimension).");
        if (shape is not [2, _] || shape[1] != size || !probe.AgreesOnMean(values.AsSpan(0, size)))
            throw new InvalidDataException("its graph with a free batch makes other embeddings than the file's own. Export it with a free batch.");
        return network;
    }

    /// <summary>The same network, which subtracts a mean image from each image.</summary>
    public OnnxNetwork WithMeanImage(MeanImage image) => new(Name, EmbeddingSize, _data, InitialWeights, InitialNormalization, _probe, image);

    internal override string? Objection(ImageShape shape)
    {
        if (shape.Channels is not (1 or Channels))
            return $"{Name} takes images of 1 or 3 channels, and these have {shape.Channels}.";
        if (IsGrey && shape.Channels != 1)
            return $"{Name} comes from a training on grey images, and these have {shape.Channels} channels. Set Channels to 1, or start from the network's file.";
        return _probe is null || (shape.Height == _probe.Side && shape.Width == _probe.Side) || Takes(shape)
            ? null
            : $"{Name} takes images of {_probe.Side} x {_probe.Side} pixels, and these are {shape.Width} x {shape.Height}. Set ImageWidth and ImageHeight to {_probe.Side}.";
    }

    internal override (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu)
    {
        if (InitialWeights is null || IsGrey || (shape.Channels == Channels && _meanImage is null))
            return (this, null);

        var graph = _data.Graph.Clone();
        var weights = new Weights(InitialWeights);
        string input = "images.in";
        if (_meanImage is not null)
        {
            float[] mean = _meanImage.At(shape.Height, shape.Width);
            long[] ofMean = [1, Channels, shape.Height, shape.Width];
            graph.Initializer.Add(OnnxTensor.Floats(MeanImageName, mean, ofMean));
            weights[BackboneGraphData.WeightName(MeanImageName)] = (ofMean, mean);
            Prepend(new NodeProto { OpType = "Sub", Name = MeanImageName, Input = { input, MeanImageName }, Output = { _data.Input } });
        }
        else
        {
            input = _data.Input;
        }

        if (shape.Channels == 1)
        {
            Prepend(new NodeProto
            {
                OpType = "Concat",
                Name = GreyName,
                Input = { GreyName, GreyName, GreyName },
                Output = { input },
                Attribute = { OnnxGraph.AttributeOf("axis", 1) },
            });
            input = GreyName;
        }

        var data = new BackboneGraphData(graph, input, _data.Embedding);
        return (new OnnxNetwork(Name, EmbeddingSize, data, weights, InitialNormalization, _probe, meanImage: null), null);

        void Prepend(NodeProto node) => graph.Node.Insert(0, node);
    }

    internal override string Append(OnnxGraph graph, ImageShape shape, string name, Weights weights, string images) => _data.Append(graph, weights, images);

    internal override IReadOnlyDictionary<string, long[]> TensorShapes(ImageShape shape, string name, int views) => _data.Shapes();

    internal override Layer Describe(int channels) => throw new NotSupportedException($"{Name} is a graph and has no layers.");

    public override NetworkCost Cost(ImageShape shape)
    {
        if (_cost is not { } known || known.Shape != shape)
        {
            // The graph of a training on grey images takes one channel; that of the file takes three.
            var input = shape with { Channels = IsGrey ? 1 : Channels };
            _cost = known = (shape, new OnnxCost(_data).Of(input));
        }

        return known.Cost;
    }

    /// <exception cref="InvalidOperationException">The network cannot be trained as a whole.</exception>
    internal override nn.Module<Tensor, Tensor> Create(ImageShape shape, Random random)
    {
        var module = new OnnxModule(Name, _data, InitialWeights);
        if (InitialWeights is not null)
            module.Check(shape);
        return module;
    }

    /// <summary>Whether the graph takes images of one channel.</summary>
    private bool IsGrey => _data.Input == GreyName;

    private (float[] Values, long[] Shape) RunOnTwo(int height, int width, string remedy)
    {
        try
        {
            return BackboneProbe.OfTwo(_data, InitialWeights!, height, width);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{exception.Message} {remedy}", exception);
        }
    }

    private bool Takes(ImageShape shape)
    {
        try
        {
            return RunOnTwo(shape.Height, shape.Width, "").Shape is [2, var size] && size == EmbeddingSize;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static BackboneGraphData Standardized(BackboneGraphData data, int size)
    {
        const string Scaled = "embedding.scaled", Shifted = "embedding.shifted";
        data.Graph.Initializer.Add(OnnxTensor.Floats(ScaleName, [.. Enumerable.Repeat(1f, size)], size));
        data.Graph.Initializer.Add(OnnxTensor.Floats(ShiftName, new float[size], size));
        data.Graph.Node.Add(new NodeProto { OpType = "Mul", Name = Scaled, Input = { data.Embedding, ScaleName }, Output = { Scaled } });
        data.Graph.Node.Add(new NodeProto { OpType = "Add", Name = Shifted, Input = { Scaled, ShiftName }, Output = { Shifted } });
        return new BackboneGraphData(data.Graph, data.Input, Shifted);
    }

    private uint Fingerprint()
    {
        var hash = new XxHash32();
        foreach (var (_, _, values) in InitialWeights!)
            hash.Append(MemoryMarshal.AsBytes(values.AsSpan()));
        return hash.GetCurrentHashAsUInt32();
    }
}
