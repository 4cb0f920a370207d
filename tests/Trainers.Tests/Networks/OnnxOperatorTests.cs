using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Xunit;
using static TorchSharp.torch;
using AttributeType = Microsoft.ML.Sla.Onnx.Protobuf.AttributeProto.Types.AttributeType;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Single operators of a network out of an ONNX file, against ONNX Runtime.</summary>
public sealed class OnnxOperatorTests
{
    private static readonly ImageShape Images = new(4, 7, 6);

    /// <summary>An operator with its attributes and operands after the images, 2 x 4 x 7 x 6.</summary>
    private static readonly Dictionary<string, NodeProto> Cases = new()
    {
        ["Conv, padded on one side"] = Node("Conv", [Floats(3, 4, 3, 2), Floats(3)], ("pads", new long[] { 0, 1, 2, 0 }), ("strides", new long[] { 2, 1 })),
        ["Conv, as large, upper"] = Node("Conv", [Floats(4, 1, 2, 3)], ("auto_pad", "SAME_UPPER"), ("group", 4L), ("strides", new long[] { 2, 2 })),
        ["Conv, as large, lower"] = Node("Conv", [Floats(2, 2, 2, 2)], ("auto_pad", "SAME_LOWER"), ("group", 2L)),
        ["Conv, valid and dilated"] = Node("Conv", [Floats(2, 4, 2, 3)], ("auto_pad", "VALID"), ("dilations", new long[] { 3, 2 })),
        ["MaxPool, padded on one side"] = Node("MaxPool", [], ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 0, 0, 1, 2 }), ("strides", new long[] { 2, 2 })),
        ["MaxPool, over the edge"] = Node("MaxPool", [], ("kernel_shape", new long[] { 2, 2 }), ("ceil_mode", 1L), ("strides", new long[] { 2, 2 })),
        ["MaxPool, dilated"] = Node("MaxPool", [], ("kernel_shape", new long[] { 2, 2 }), ("dilations", new long[] { 2, 3 })),
        ["AveragePool, padded on one side"] = Node("AveragePool", [], ("kernel_shape", new long[] { 3, 2 }), ("pads", new long[] { 0, 1, 2, 0 })),
        ["AveragePool, padding counted"] = Node("AveragePool", [], ("kernel_shape", new long[] { 3, 2 }), ("pads", new long[] { 0, 1, 2, 0 }), ("count_include_pad", 1L)),
        ["AveragePool, padded on all sides"] = Node("AveragePool", [], ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }), ("strides", new long[] { 2, 1 })),
        ["GlobalMaxPool"] = Node("GlobalMaxPool", []),
        ["GlobalAveragePool"] = Node("GlobalAveragePool", []),
        ["Relu"] = Node("Relu", []),
        ["LeakyRelu"] = Node("LeakyRelu", [], ("alpha", 0.3f)),
        ["Clip, from below"] = Node("Clip", [Number(-0.2f)]),
        ["Clip, from above"] = Node("Clip", [null, Number(0.1f)]),
        ["HardSigmoid"] = Node("HardSigmoid", []),
        ["HardSigmoid, of HardSwish"] = Node("HardSigmoid", [], ("alpha", 1f / 6)),
        ["HardSwish"] = Node("HardSwish", []),
        ["Tanh"] = Node("Tanh", []),
        ["Exp"] = Node("Exp", []),
        ["Erf"] = Node("Erf", []),
        ["Pow"] = Node("Pow", [Number(2)]),
        ["Add, a vector"] = Node("Add", [Floats(6)]),
        ["Sub, a map"] = Node("Sub", [Floats(1, 4, 7, 6)]),
        ["Mul, channels"] = Node("Mul", [Floats(4, 1, 1)]),
        ["Div, more dimensions"] = Node("Div", [Floats(2, 1, 1, 1, 1)]),
        ["Softmax"] = Node("Softmax", [], ("axis", 1L)),
        ["ReduceMean"] = Node("ReduceMean", [], ("axes", new long[] { -1, 1 }), ("keepdims", 0L)),
        ["ReduceMean, of all"] = Node("ReduceMean", []),
        ["BatchNormalization"] = Node("BatchNormalization", [Floats(4), Floats(4), Floats(4), Positive(4)], ("epsilon", 0.01f)),
        ["LayerNormalization"] = Node("LayerNormalization", [Floats(7, 6), Floats(7, 6)], ("axis", -2L)),
        ["MatMul"] = Node("MatMul", [Floats(6, 5)]),
        ["Flatten"] = Node("Flatten", [], ("axis", 2L)),
        ["Flatten, from the end"] = Node("Flatten", [], ("axis", -1L)),
        ["Reshape"] = Node("Reshape", [Longs(0, 2, -1)]),
        ["Transpose"] = Node("Transpose", [], ("perm", new long[] { 0, 2, 3, 1 })),
        ["Transpose, turned round"] = Node("Transpose", []),
        ["Unsqueeze"] = Node("Unsqueeze", [Longs(-1, 1)]),
        ["Concat"] = Node("Concat", [Floats(2, 3, 7, 6)], ("axis", 1L)),
        ["Slice"] = Node("Slice", [Longs(1, -3), Longs(int.MaxValue, 5), Longs(2, 3), Longs(2, 1)]),
        ["Slice, backwards"] = Node("Slice", [Longs(-1, 4), Longs(long.MinValue, 0), Longs(1, 2), Longs(-1, -2)]),
        ["Gather"] = Node("Gather", [Longs(2, 0, -1)], ("axis", 1L)),
        ["Gather, one"] = Node("Gather", [new TensorProto { DataType = 7, Int64Data = { 1 } }], ("axis", 2L)),
        ["Pad"] = Node("Pad", [Longs(0, 1, 0, 2, 0, 0, 3, 1), Number(0.5f)]),
        ["Expand"] = Node("Expand", [Longs(3, 1, 1, 1, 1)]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operator_computes_what_ONNX_Runtime_does(string name)
    {
        AssertComputes([Cases[name]], 1e-5);
    }

    [Fact]
    public void A_matrix_product_takes_factors_and_transposed_matrices()
    {
        foreach (long left in new[] { 0, 1 })
        {
            foreach (long right in new[] { 0, 1 })
            {
                var flatten = Node("Reshape", [Longs(8, -1)]);
                var product = Node("Gemm", [right == 0 ? Floats(left == 0 ? 42 : 8, 5) : Floats(5, left == 0 ? 42 : 8), Floats(5)], ("alpha", 0.5f), ("beta", 2f), ("transA", left), ("transB", right));
                AssertComputes([flatten, product], 1e-4);
            }
        }
    }

    [Fact]
    public void Shapes_are_computed_with()
    {
        // x reshaped to (first side, -1), where the sides come from the shape of x.
        NodeProto[] nodes =
        [
            new NodeProto { OpType = "Shape", Input = { "x" }, Output = { "shape" } },
            Named("Gather", "first", ["shape", "zero"]),
            Named("Concat", "sides", ["first", "minus.one"], ("axis", 0L)),
            Named("Cast", "floats", ["sides"], ("to", 1L)),
            Named("Cast", "integers", ["floats"], ("to", 7L)),
            Named("Div", "halves", ["integers", "one"]),
            Named("Reshape", "y", ["x", "halves"]),
        ];
        var graph = new GraphProto { Node = { nodes }, Initializer = { OnnxTensor.Longs("zero", 0), OnnxTensor.Longs("minus.one", -1), OnnxTensor.Longs("one", 1) } };
        AssertComputes(graph, 1e-6);
    }

    [Fact]
    public void The_parts_of_a_split_are_put_together_again()
    {
        var split = new NodeProto { OpType = "Split", Input = { "x", "sizes" }, Output = { "a", "b", "c" }, Attribute = { OnnxGraph.AttributeOf("axis", 1L) } };
        var graph = new GraphProto
        {
            Node = { split, Named("Concat", "y", ["c", "a", "b"], ("axis", 1L)) },
            Initializer = { OnnxTensor.Longs("sizes", 1, 2, 1) },
        };
        AssertComputes(graph, 1e-6);
    }

    /// <summary>Nodes one after the other, each with its operands in place of names.</summary>
    private static void AssertComputes(NodeProto[] nodes, double tolerance)
    {
        var graph = new GraphProto();
        string value = "x";
        foreach (var (index, original) in nodes.Index())
        {
            var node = original.Clone();
            foreach (var attribute in node.Attribute.Where(attribute => attribute.Name.StartsWith("operand", StringComparison.Ordinal)).ToList())
            {
                node.Attribute.Remove(attribute);
                if (attribute.T is null)
                {
                    node.Input.Add("");
                    continue;
                }

                attribute.T.Name = $"{attribute.Name}.{index}";
                graph.Initializer.Add(attribute.T);
                node.Input.Add(attribute.T.Name);
            }

            node.Input.Insert(0, value);
            node.Output.Add(value = index == nodes.Length - 1 ? "y" : $"value.{index}");
            graph.Node.Add(node);
        }

        AssertComputes(graph, tolerance);
    }

    private static void AssertComputes(GraphProto graph, double tolerance)
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        Tensor images = VectorFile.Numbers(7, 2, Images.Channels, Images.Height, Images.Width).to(ScalarType.Float32);
        var data = new BackboneGraphData(graph, "x", "y");
        using var module = new OnnxModule("test", data, data.ReadWeights());
        module.eval();
        Tensor made = module.forward(images);

        var target = new OnnxGraph("test");
        string input = target.Input("images", OnnxType.Float, 2, Images.Channels, Images.Height, Images.Width);
        target.Output("made", data.Append(target, data.ReadWeights(), input), OnnxType.Float, made.shape);
        using var session = new InferenceSession(target.ToBytes());
        using var value = OrtValue.CreateTensorValueFromMemory(images.data<float>().ToArray(), images.shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["images"], [value], ["made"]);
        float[] expected = outputs[0].GetTensorDataAsSpan<float>().ToArray(), values = made.contiguous().data<float>().ToArray();
        Assert.Equal(expected.Length, values.Length);
        Assert.InRange(Training.LargestDifference([expected], [values]), 0, tolerance * Math.Max(1, expected.Max(Math.Abs)));
    }

    private static NodeProto Node(string operation, TensorProto?[] operands, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = Named(operation, "", [], attributes);
        node.Output.Clear();
        foreach (var (index, operand) in operands.Index())
            node.Attribute.Add(new AttributeProto { Name = $"operand{index}", Type = AttributeType.Tensor, T = operand });
        return node;
    }

    private static NodeProto Named(string operation, string output, string[] inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        var node = new NodeProto { OpType = operation, Name = $"{operation} {output}", Input = { inputs }, Output = { output } };
        foreach (var (name, value) in attributes)
            node.Attribute.Add(OnnxGraph.AttributeOf(name, value));
        return node;
    }

    private static TensorProto Floats(params long[] shape) => OfFormula(1, value => value, shape);

    private static TensorProto Positive(params long[] shape) => OfFormula(2, value => 1.5f + value, shape);

    private static TensorProto OfFormula(int stream, Func<float, float> change, long[] shape) =>
        OnnxTensor.Floats("", [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => change((float)VectorFile.Number(stream, i)))], shape);

    private static TensorProto Number(float value) => OnnxTensor.Floats("", [value]);

    private static TensorProto Longs(params long[] values) => OnnxTensor.Longs("", values);
}
