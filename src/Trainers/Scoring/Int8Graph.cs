using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// Converts the convolutions and residual sums of a scoring graph to 8 bits. The graph expresses the rounding as pairs of QuantizeLinear and
/// DequantizeLinear, which ONNX Runtime fuses with the nodes between them (Jacob et al. 2018).
/// </summary>
/// <remarks>
/// Activations are unsigned, with a scale and zero point for each tensor. Weights are signed 7-bit numbers, with a scale for each output
/// channel. With 7 bits, the 16-bit sums of two products on processors without VNNI cannot overflow, so all processors give the same result.
/// Batch normalisation is folded into the weights before they are rounded. Everything else stays in 32-bit floats.
/// </remarks>
internal sealed class Int8Graph
{
    public const string RangesColumn = "Sla.Ranges";

    private const string MetadataKey = "Microsoft.ML.Sla.Int8";
    private const string InitialPrefix = "int8.";
    private const int LargestWeight = 63;

    /// <summary>That of the operator BatchNormalization.</summary>
    private const float DefaultEpsilon = 1e-5f;

    /// <summary>Operators that keep a value of convolutions one.</summary>
    private static readonly HashSet<string> AfterConvolutions = ["BatchNormalization", "Relu", "LeakyRelu", "Clip", "MaxPool", "AveragePool"];

    private readonly ModelProto _model;
    private readonly Dictionary<string, TensorProto> _initializers;
    private readonly ILookup<string, NodeProto> _consumers;
    private readonly List<Block> _blocks;
    private readonly string[] _points;

    /// <param name="onnx">A graph that <see cref="TrainedModel.ToOnnx"/> wrote.</param>
    public Int8Graph(byte[] onnx)
        : this(ModelProto.Parser.ParseFrom(onnx))
    {
    }

    /// <param name="model">A graph in 32-bit floats.</param>
    public Int8Graph(ModelProto model)
    {
        _model = model;
        _initializers = _model.Graph.Initializer.ToDictionary(tensor => tensor.Name);
        _consumers = _model.Graph.Node.SelectMany(node => node.Input.Distinct().Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node);
        _blocks = [.. Rounded().Select(BlockOf)];
        _points = [.. _blocks.SelectMany(block => block.Activations.Append(block.End)).Distinct()];
    }

    /// <summary>Whether metadata are those of a model that <see cref="Quantize(float[])"/> wrote.</summary>
    public static bool HasInt8Metadata(IEnumerable<StringStringEntryProto> metadata) => metadata.Has(MetadataKey);

    /// <summary>The exception for an attempt to change or train an 8-bit model.</summary>
    /// <param name="model">The name of the model in the message, at the beginning of a sentence.</param>
    public static InvalidDataException IsFinal(string model = "The model") => new(
        $"{model} comes from SlaTransformer.ToInt8, and its weights are rounded to 8 bits. It can be scored (mlContext.Model.Load), but not changed or "
        + "trained further. Use the model that it was made from.");

    /// <summary>Makes the 8-bit graph of a description with the rounded weights and scales of a stored model. Both graphs must be the same.</summary>
    /// <param name="stored">The stored model.</param>
    /// <param name="description">The description in the model. It must be checked already.</param>
    /// <param name="inference">How the model scores.</param>
    /// <exception cref="InvalidDataException">The stored model has other nodes, constants or shapes, or an infinite or NaN scale.</exception>
    public static byte[] Rebuild(ModelProto stored, ModelDescription description, SlaInference inference)
    {
        var weights = new Weights();
        foreach (var (name, shape) in description.Tensors())
            weights[name] = (shape, new float[shape.Aggregate(1L, (product, side) => product * side)]);
        var graph = new Int8Graph(new TrainedModel(description, weights).ToOnnx(inference));
        var expected = graph.Quantize(new float[2 * graph._points.Length]).Copy();
        var values = stored.Initializers().ToLookup(tensor => tensor.Name);
        foreach (var tensor in expected.Graph.Initializer.Where(IsLearned))
        {
            if (values[tensor.Name].FirstOrDefault() is not { } found || found.RawData.Length != tensor.RawData.Length)
                continue;
            if (tensor.DataType == (int)OnnxType.Float && !Array.TrueForAll(found.Floats(), float.IsFinite))
                throw new InvalidDataException($"the tensor '{tensor.Name}' has values that are not numbers (NaN or infinite).");
            tensor.RawData = found.RawData;
        }

        var made = new OnnxGraph(expected, InitialPrefix);
        stored.CheckGraph(made);
        return made.ToBytes();
    }

    /// <summary>The graph with an additional output: the minimum of each tensor that will be rounded, followed by the maximum of each.</summary>
    public byte[] WithRanges()
    {
        var model = _model.Clone();
        var graph = new OnnxGraph(model, prefix: "range");
        string[] extremes = [.. Extremes("ReduceMin"), .. Extremes("ReduceMax")];
        graph.Output(RangesColumn, graph.Node("Concat", extremes, ("axis", 0)), OnnxType.Float, extremes.Length);
        return graph.ToBytes();

        IEnumerable<string> Extremes(string reduction) =>
            _points.Select(point => graph.Node("Reshape", [graph.Node(reduction, [point], ("keepdims", 0)), graph.Constant(1)]));
    }

    /// <summary>The smallest minima and largest maxima of the ranges of images; null without images.</summary>
    public static float[]? Widest(IEnumerable<float[]> ranges)
    {
        float[]? widest = null;
        foreach (float[] range in ranges)
        {
            widest ??= [.. range];
            for (int i = 0; i < range.Length; i++)
                widest[i] = i < range.Length / 2 ? Math.Min(widest[i], range[i]) : Math.Max(widest[i], range[i]);
        }

        return widest;
    }

    /// <summary>The graph in 8 bits, without its weights in floats.</summary>
    /// <param name="ranges">The ranges that the graph of <see cref="WithRanges"/> gave.</param>
    public OnnxGraph Quantize(float[] ranges)
    {
        var graph = Quantize(ranges, keepsWeights: false);
        graph.Metadata(MetadataKey, "1");
        return graph;
    }

    /// <summary>The graph in 8 bits.</summary>
    /// <param name="ranges">The ranges that the graph of <see cref="WithRanges"/> gave.</param>
    /// <param name="keepsWeights">Whether the graph holds the weights in floats and rounds them itself, or holds the rounded weights alone.</param>
    /// <exception cref="InvalidDataException">The ranges are not those of the graph.</exception>
    public OnnxGraph Quantize(float[] ranges, bool keepsWeights)
    {
        if (ranges.Length != 2 * _points.Length || !Array.TrueForAll(ranges, float.IsFinite))
            throw new InvalidDataException($"its 8-bit network has {ranges.Length} ends of ranges, or some that are not numbers, and {2 * _points.Length} are needed.");

        var model = _model.Clone();
        model.Graph.Node.Clear();
        var scales = _points.Select((point, i) => (point, Scale.Of(ranges[i], ranges[_points.Length + i]))).ToDictionary();
        var writer = new Writer(new OnnxGraph(model, prefix: InitialPrefix), scales, keepsWeights);
        var blocks = _blocks.ToDictionary(block => block.Node);
        var inside = _blocks.SelectMany(block => new[] { block.Norm, block.Relu }).OfType<NodeProto>().ToHashSet();
        foreach (var node in _model.Graph.Node.Where(node => !inside.Contains(node)))
        {
            if (blocks.TryGetValue(node, out var block))
                Append(block, writer);
            else
                model.Graph.Node.Add(writer.Renamed(node));
        }

        var used = model.Graph.Node.SelectMany(node => node.Input).ToHashSet();
        var unused = model.Graph.Initializer.Where(tensor => !used.Contains(tensor.Name)).ToList();
        if (!keepsWeights)
        {
            foreach (var tensor in unused)
                model.Graph.Initializer.Remove(tensor);
        }
        else if (unused.Count > 0)
        {
            // Biases and normalisations are in the rounded biases. ONNX Runtime warns of tensors that no node has.
            writer.Graph.Node("Concat", [.. unused.Select(tensor => tensor.Name)], ("axis", 0));
        }

        return writer.Graph;
    }

    /// <summary>Whether the values differ between models of one description.</summary>
    private static bool IsLearned(TensorProto tensor) => tensor.Name.StartsWith(InitialPrefix, StringComparison.Ordinal) || SlaNetwork.IsTensorName(tensor.Name);

    private void Append(Block block, Writer writer)
    {
        string[] inputs = [.. block.Activations.Select(writer.Rounded)];
        if (block.Node.OpType == "Conv")
        {
            inputs = [.. inputs, .. writer.Weights(Folded(block), block.Activations[0])];
        }

        string value = writer.Graph.Node(block.Node, inputs);
        if (block.Relu is not null)
            value = writer.Graph.Node("Relu", [value]);
        writer.Replace(block.End, value);
    }

    /// <summary>A convolution with the following normalisation folded in: w * gamma / sigma, and b.</summary>
    private FoldedWeights Folded(Block block)
    {
        var weight = _initializers[block.Node.Input[1]];
        float[] weights = Floats(weight.Name);
        int channels = (int)weight.Dims[0];
        float[] biases = block.Node.Input.Count > 2 ? Floats(block.Node.Input[2]) : new float[channels];
        if (block.Norm is not { } norm)
            return new FoldedWeights(weight, null, weights, biases);

        float[] gamma = Floats(norm.Input[1]), beta = Floats(norm.Input[2]), mean = Floats(norm.Input[3]), variance = Floats(norm.Input[4]);
        float epsilon = norm.Attribute.FirstOrDefault(attribute => attribute.Name == "epsilon")?.F ?? DefaultEpsilon;
        float[] factors = new float[channels];
        int length = weights.Length / channels;
        for (int channel = 0; channel < channels; channel++)
        {
            float factor = factors[channel] = gamma[channel] / MathF.Sqrt(variance[channel] + epsilon);
            foreach (ref float value in weights.AsSpan(channel * length, length))
                value *= factor;
            biases[channel] = ((biases[channel] - mean[channel]) * factor) + beta[channel];
        }

        return new FoldedWeights(weight, factors, weights, biases);

        float[] Floats(string name) => _initializers[name].ReadFloats();
    }

    /// <summary>The convolutions, and the sums of what they make. Sums of other values, such as sizes, are not rounded.</summary>
    private IEnumerable<NodeProto> Rounded()
    {
        var made = new HashSet<string>();
        foreach (var node in _model.Graph.Node)
        {
            bool isRounded = node.OpType switch
            {
                "Conv" => node.Input.Skip(1).All(_initializers.ContainsKey),
                "Add" => node.Input.Any(made.Contains) && !node.Input.Any(_initializers.ContainsKey),
                _ => false,
            };
            if (isRounded)
                yield return node;
            if (isRounded || (AfterConvolutions.Contains(node.OpType) && made.Contains(node.Input[0])))
                made.UnionWith(node.Output);
        }
    }

    private Block BlockOf(NodeProto node)
    {
        var norm = node.OpType == "Conv" ? OnlyConsumer(node, "BatchNormalization") : null;
        if (norm is not null && !norm.Input.Skip(1).All(_initializers.ContainsKey))
            norm = null;
        return new Block(node, norm, OnlyConsumer(norm ?? node, "Relu"));
    }

    private NodeProto? OnlyConsumer(NodeProto node, string operation) =>
        _consumers[node.Output[0]].ToList() is [var consumer] && consumer.OpType == operation ? consumer : null;

    /// <summary>The weights of a convolution with a normalisation folded in.</summary>
    /// <param name="Tensor">The weights before.</param>
    /// <param name="Factors">The factor on the weights of each output channel; null without a normalisation.</param>
    /// <param name="Values">The weights.</param>
    /// <param name="Biases">The bias of each output channel.</param>
    private sealed record FoldedWeights(TensorProto Tensor, float[]? Factors, float[] Values, float[] Biases);

    /// <summary>Nodes that ONNX Runtime fuses: a convolution or a sum, with a normalisation and a ReLU that are its only consumers.</summary>
    private sealed record Block(NodeProto Node, NodeProto? Norm, NodeProto? Relu)
    {
        /// <summary>The input tensors except weights.</summary>
        public IReadOnlyList<string> Activations => Node.OpType == "Conv" ? [Node.Input[0]] : [.. Node.Input];

        /// <summary>The output tensor.</summary>
        public string End => (Relu ?? Norm ?? Node).Output[0];
    }

    /// <summary>A scale of rounded numbers: real = Step * (integer - Zero).</summary>
    private readonly record struct Scale(float Step, byte Zero)
    {
        /// <summary>The scale that represents 0 exactly and maps the numbers between the extremes to integers of 0 to 255.</summary>
        public static Scale Of(float minimum, float maximum)
        {
            minimum = Math.Min(minimum, 0);
            maximum = Math.Max(maximum, 0);
            float step = maximum > minimum ? (maximum - minimum) / byte.MaxValue : 1;
            return new Scale(step, (byte)MathF.Round(-minimum / step));
        }
    }

    /// <summary>Writes nodes, and maps the names of tensors to those of their rounded versions.</summary>
    private sealed class Writer(OnnxGraph graph, Dictionary<string, Scale> scales, bool keepsWeights)
    {
        private readonly Dictionary<string, string> _rounded = [];
        private readonly Dictionary<string, string> _replaced = [];

        public OnnxGraph Graph => graph;

        /// <summary>The name of the rounded version of a tensor, which is made on first use.</summary>
        public string Rounded(string name)
        {
            if (!_rounded.TryGetValue(name, out string? rounded))
                _rounded.Add(name, rounded = Round(name, _replaced.GetValueOrDefault(name, name)));
            return rounded;
        }

        /// <summary>Replaces a tensor by a rounded value in all nodes that are written from now on.</summary>
        public void Replace(string name, string value) => _rounded[name] = _replaced[name] = Round(name, value);

        /// <summary>A copy of a node whose inputs are the tensors that replaced the original ones.</summary>
        public NodeProto Renamed(NodeProto node)
        {
            var renamed = node.Clone();
            for (int i = 0; i < node.Input.Count; i++)
                renamed.Input[i] = _replaced.GetValueOrDefault(node.Input[i], node.Input[i]);
            return renamed;
        }

        /// <summary>The rounded weights and biases of a convolution of an activation. Biases have 32 bits and the scale of the products.</summary>
        public string[] Weights(FoldedWeights folded, string activation)
        {
            int channels = folded.Biases.Length;
            int length = folded.Values.Length / channels;
            var steps = new float[channels];
            var productSteps = new float[channels];
            var biases = new int[channels];
            for (int channel = 0; channel < channels; channel++)
            {
                float largest = 0;
                foreach (float value in folded.Values.AsSpan(channel * length, length))
                    largest = Math.Max(largest, Math.Abs(value));
                steps[channel] = largest > 0 ? largest / LargestWeight : 1;
                productSteps[channel] = steps[channel] * scales[activation].Step;
                biases[channel] = (int)Math.Clamp(Math.Round((double)folded.Biases[channel] / productSteps[channel]), int.MinValue, int.MaxValue);
            }

            string scale = graph.Floats(steps, channels), zeros = graph.Constant<sbyte>(OnnxType.Int8, new sbyte[channels], channels);
            string weights = graph.Node("DequantizeLinear", [keepsWeights ? FromFloats() : Integers(), scale, zeros], ("axis", 0));
            string bias = graph.Node(
                "DequantizeLinear",
                [graph.Constant<int>(OnnxType.Int32, biases, channels), graph.Floats(productSteps, channels), graph.Constant<int>(OnnxType.Int32, new int[channels], channels)],
                ("axis", 0));
            return [weights, bias];

            string FromFloats()
            {
                string floats = folded.Tensor.Name;
                if (folded.Factors is { } factors)
                    floats = graph.Node("Mul", [floats, graph.Floats(factors, [channels, .. Enumerable.Repeat(1L, folded.Tensor.Dims.Count - 1)])]);
                return graph.Node("QuantizeLinear", [floats, scale, zeros], ("axis", 0));
            }

            string Integers()
            {
                var integers = new sbyte[folded.Values.Length];
                for (int i = 0; i < integers.Length; i++)
                    integers[i] = (sbyte)MathF.Round(folded.Values[i] / steps[i / length]);
                return graph.Constant<sbyte>(OnnxType.Int8, integers, [.. folded.Tensor.Dims]);
            }
        }

        private string Round(string name, string value)
        {
            string step = graph.Floats([scales[name].Step]);
            string zero = graph.Constant<byte>(OnnxType.UInt8, [scales[name].Zero]);
            return graph.Node("DequantizeLinear", [graph.Node("QuantizeLinear", [value, step, zero]), step, zero]);
        }
    }
}
