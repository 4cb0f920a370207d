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
                    [input, Parameter(graph, weights, $"{name}.weight")],
                    ("kernel_shape", new long[] { convolution.Kernel, convolution.Kernel }),
                    ("strides", new long[] { convolution.Stride, convolution.Stride }),
                    ("pads", new long[] { convolution.Padding, convolution.Padding, convolution.Padding, convolution.Padding }));

            case Layer.BatchNorm:
                return graph.Node(
                    "BatchNormalization",
                    [
                        input,
                        Parameter(graph, weights, $"{name}.weight"),
                        Parameter(graph, weights, $"{name}.bias"),
                        Parameter(graph, weights, $"{name}.running_mean"),
                        Parameter(graph, weights, $"{name}.running_var"),
                    ],
                    ("epsilon", (float)Layer.BatchNorm.Epsilon));

            case Layer.Relu:
                return graph.Node("Relu", [input]);

            case Layer.Residual residual:
                string body = Append(graph, residual.Body, $"{name}.body", weights, input);
                string shortcut = residual.Shortcut is null ? input : Append(graph, residual.Shortcut, $"{name}.shortcut", weights, input);
                return graph.Node("Relu", [graph.Node("Add", [body, shortcut])]);

            case Layer.StrideAndPad shortcutLayer:
                string pixels = graph.Node(
                    "Slice",
                    [input, graph.Constant(0, 0), graph.Constant(int.MaxValue, int.MaxValue), graph.Constant(2, 3), graph.Constant(shortcutLayer.Stride, shortcutLayer.Stride)]);
                return graph.Node("Pad", [pixels, graph.Constant(0, 0, 0, 0, 0, shortcutLayer.ExtraChannels, 0, 0)]);

            case Layer.GlobalAveragePool:
                return graph.Node("Flatten", [graph.Node("GlobalAveragePool", [input])]);

            default:
                throw new NotSupportedException($"There are no ONNX nodes for {layer.GetType().Name}.");
        }
    }

    private static string Parameter(OnnxGraph graph, Weights weights, string name)
    {
        var (shape, values) = weights[name];
        return graph.Initializer(name, values, shape);
    }
}
