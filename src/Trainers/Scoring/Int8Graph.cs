using System.Runtime.InteropServices;
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

    private readonly ModelProto _model;
    private readonly Dictionary<string, TensorProto> _initializers;
    private readonly ILookup<string, NodeProto> _consumers;
    private readonly List<Block> _blocks;
    private readonly string[] _points;

    /// <param name="onnx">A graph that <see cref="TrainedModel.ToOnnx"/> wrote.</param>
    public Int8Graph(byte[] onnx)
    {
        _model = ModelProto.Parser.ParseFrom(onnx);
        _initializers = _model.Graph.Initializer.ToDictionary(tensor => tensor.Name);
        _consumers = _model.Graph.Node.SelectMany(node => node.Input.Distinct().Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node);
        _blocks = [.. _model.Graph.Node.Where(IsRounded).Select(BlockOf)];
        _points = [.. _blocks.SelectMany(block => block.Activations.Append(block.End)).Distinct()];
    }

    /// <summary>Whether metadata are those of a model that <see cref="Quantize"/> wrote.</summary>
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
        var expected = ModelProto.Parser.ParseFrom(graph.Quantize(new float[2 * graph._points.Length]));
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

    /// <summary>The graph in 8 bits.</summary>
    /// <param name="ranges">The ranges that the graph of <see cref="WithRanges"/> gave.</param>
    public byte[] Quantize(float[] ranges)
    {
        var model = _model.Clone();
        model.Graph.Node.Clear();
        var writer = new Writer(new OnnxGraph(model, prefix: InitialPrefix), _points.Select((point, i) => (point, Scale.Of(ranges[i], ranges[_points.Length + i]))).ToDictionary());
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
        foreach (var unused in model.Graph.Initializer.Where(tensor => !used.Contains(tensor.Name)).ToList())
            model.Graph.Initializer.Remove(unused);
        writer.Graph.Metadata(MetadataKey, "1");
        return writer.Graph.ToBytes();
    }

    /// <summary>Whether the values differ between models of one description.</summary>
    private static bool IsLearned(TensorProto tensor) => tensor.Name.StartsWith(InitialPrefix, StringComparison.Ordinal) || SlaNetwork.IsTensorName(tensor.Name);

    private void Append(Block block, Writer writer)
    {
        string[] inputs = [.. block.Activations.Select(writer.Rounded)];
        if (block.Node.OpType == "Conv")
        {
            var (weights, shape, biases) = Folded(block);
            inputs = [.. inputs, .. writer.Weights(weights, shape, biases, block.Activations[0])];
        }

        string value = writer.Graph.Node(block.Node, inputs);
        if (block.Relu is not null)
            value = writer.Graph.Node("Relu", [value]);
        writer.Replace(block.End, value);
    }

    /// <summary>The weights and biases of a convolution with the following normalisation folded in: w * gamma / sigma, and b.</summary>
    private (float[] Weights, long[] Shape, float[] Biases) Folded(Block block)
    {
        var weight = _initializers[block.Node.Input[1]];
        float[] weights = Floats(weight.Name);
        int channels = (int)weight.Dims[0];
        float[] biases = block.Node.Input.Count > 2 ? Floats(block.Node.Input[2]) : new float[channels];
        if (block.Norm is { } norm)
        {
            float[] gamma = Floats(norm.Input[1]), beta = Floats(norm.Input[2]), mean = Floats(norm.Input[3]), variance = Floats(norm.Input[4]);
            float epsilon = norm.Attribute.Single(attribute => attribute.Name == "epsilon").F;
            int length = weights.Length / channels;
            for (int channel = 0; channel < channels; channel++)
            {
                float factor = gamma[channel] / MathF.Sqrt(variance[channel] + epsilon);
                foreach (ref float value in weights.AsSpan(channel * length, length))
                    value *= factor;
                biases[channel] = ((biases[channel] - mean[channel]) * factor) + beta[channel];
            }
        }

        return (weights, [.. weight.Dims], biases);

        float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(_initializers[name].RawData.Span).ToArray();
    }

    /// <summary>Whether the node is a convolution or a sum of two activations. The addition of a constant is not rounded.</summary>
    private bool IsRounded(NodeProto node) => node.OpType == "Conv" || (node.OpType == "Add" && !node.Input.Any(_initializers.ContainsKey));

    private Block BlockOf(NodeProto node)
    {
        var norm = node.OpType == "Conv" ? OnlyConsumer(node, "BatchNormalization") : null;
        return new Block(node, norm, OnlyConsumer(norm ?? node, "Relu"));
    }

    private NodeProto? OnlyConsumer(NodeProto node, string operation) =>
        _consumers[node.Output[0]].ToList() is [var consumer] && consumer.OpType == operation ? consumer : null;

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
    private sealed class Writer(OnnxGraph graph, Dictionary<string, Scale> scales)
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
        public string[] Weights(float[] weights, long[] shape, float[] biases, string activation)
        {
            int channels = biases.Length;
            int length = weights.Length / channels;
            var steps = new float[channels];
            var productSteps = new float[channels];
            var integers = new sbyte[weights.Length];
            var integerBiases = new int[channels];
            for (int channel = 0; channel < channels; channel++)
            {
                var own = weights.AsSpan(channel * length, length);
                float largest = 0;
                foreach (float value in own)
                    largest = Math.Max(largest, Math.Abs(value));
                steps[channel] = largest > 0 ? largest / LargestWeight : 1;
                productSteps[channel] = steps[channel] * scales[activation].Step;
                for (int i = 0; i < length; i++)
                    integers[(channel * length) + i] = (sbyte)MathF.Round(own[i] / steps[channel]);
                integerBiases[channel] = (int)Math.Clamp(Math.Round((double)biases[channel] / productSteps[channel]), int.MinValue, int.MaxValue);
            }

            return
            [
                Dequantized(graph.Constant<sbyte>(OnnxType.Int8, integers, shape), steps, graph.Constant<sbyte>(OnnxType.Int8, new sbyte[channels], channels)),
                Dequantized(graph.Constant<int>(OnnxType.Int32, integerBiases, channels), productSteps, graph.Constant<int>(OnnxType.Int32, new int[channels], channels)),
            ];

            string Dequantized(string tensor, float[] channelSteps, string zeros) =>
                graph.Node("DequantizeLinear", [tensor, graph.Floats(channelSteps, channels), zeros], ("axis", 0));
        }

        private string Round(string name, string value)
        {
            string step = graph.Floats([scales[name].Step]);
            string zero = graph.Constant<byte>(OnnxType.UInt8, [scales[name].Zero]);
            return graph.Node("DequantizeLinear", [graph.Node("QuantizeLinear", [value, step, zero]), step, zero]);
        }
    }
}
