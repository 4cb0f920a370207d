using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The ONNX nodes of a <see cref="Layer"/>.</summary>
/// <remarks>
/// Initializers are the trained tensors under their own names, so a saved model can be read back to go on training.
/// ONNX Runtime folds batch normalisation into the convolutions when it opens the model.
/// </remarks>
internal static class LayerGraph
{
    public static string Append(OnnxGraph graph, Layer layer, string name, Weights weights, string input)
    {
        switch (layer)
        {
            case Layer.Sequence sequence:
                return sequence.Steps.Aggregate(input, (x, step) => Append(graph, step.Layer, $"{name}.{step.Name}", weights, x));

            case Layer.Convolution convolution:
                return graph.Node(
                    "Conv",
                    [input, .. WeightAndBias(convolution.Bias)],
                    [.. Window(convolution.Kernel, convolution.Stride, convolution.Padding), ("group", convolution.Groups)]);

            case Layer.BatchNorm norm:
                return graph.Node(
                    "BatchNormalization",
                    [
                        input,
                        Parameter(graph, weights, $"{name}.weight"),
                        Parameter(graph, weights, $"{name}.bias"),
                        Parameter(graph, weights, $"{name}.running_mean"),
                        Parameter(graph, weights, $"{name}.running_var"),
                    ],
                    ("epsilon", (float)norm.Epsilon));

            case Layer.Relu relu:
                return relu.NegativeSlope == 0
                    ? graph.Node("Relu", [input])
                    : graph.Node("LeakyRelu", [input], ("alpha", (float)relu.NegativeSlope));

            case Layer.Residual residual:
                string body = Append(graph, residual.Body, $"{name}.body", weights, input);
                string shortcut = residual.Shortcut is null ? input : Append(graph, residual.Shortcut, $"{name}.shortcut", weights, input);
                string sum = graph.Node("Add", [body, shortcut]);
                return residual.EndsWithRelu ? graph.Node("Relu", [sum]) : sum;

            case Layer.StrideAndPad shortcutLayer:
                string pixels = graph.Node(
                    "Slice",
                    [input, graph.Constant(0, 0), graph.Constant(int.MaxValue, int.MaxValue), graph.Constant(2, 3), graph.Constant(shortcutLayer.Stride, shortcutLayer.Stride)]);
                return graph.Node("Pad", [pixels, graph.Constant(0, 0, 0, 0, 0, shortcutLayer.ExtraChannels, 0, 0)]);

            case Layer.MaxPool pool:
                return graph.Node("MaxPool", [input], Window(pool.Kernel, pool.Stride, pool.Padding));

            case Layer.AveragePool pool:
                return graph.Node("AveragePool", [input], [.. Window(pool.Kernel, pool.Stride, pool.Padding), ("count_include_pad", 1)]);

            case Layer.GlobalAveragePool pool:
                string mean = graph.Node("GlobalAveragePool", [input]);
                return pool.KeepsSides ? mean : graph.Node("Flatten", [mean]);

            case Layer.Flatten:
                return graph.Node("Flatten", [input]);

            case Layer.Linear linear:
                return graph.Node("Gemm", [input, .. WeightAndBias(linear.Bias)], ("transB", 1));

            default:
                throw new NotSupportedException($"There are no ONNX nodes for {layer.GetType().Name}.");
        }

        string[] WeightAndBias(bool hasBias)
        {
            string weight = Parameter(graph, weights, $"{name}.weight");
            return hasBias ? [weight, Parameter(graph, weights, $"{name}.bias")] : [weight];
        }
    }

    private static (string Name, object Value)[] Window(long kernel, long stride, long padding) =>
    [
        ("kernel_shape", new[] { kernel, kernel }),
        ("strides", new[] { stride, stride }),
        ("pads", new[] { padding, padding, padding, padding }),
    ];

    private static string Parameter(OnnxGraph graph, Weights weights, string name)
    {
        var (shape, values) = weights[name];
        return graph.Initializer(name, values, shape);
    }
}
