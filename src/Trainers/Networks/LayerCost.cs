namespace Microsoft.ML.Sla.Networks;

/// <summary>Number of parameters and operations of a <see cref="Layer"/>, found from the shapes alone.</summary>
internal static class LayerCost
{
    public static NetworkCost Of(Layer layer, ImageShape input) => Of(layer, ref input);

    /// <param name="layer">The layer.</param>
    /// <param name="shape">Shape of what goes in, and then of what comes out; vectors are images of one pixel.</param>
    private static NetworkCost Of(Layer layer, ref ImageShape shape)
    {
        switch (layer)
        {
            case Layer.Sequence sequence:
                var sum = default(NetworkCost);
                foreach (var step in sequence.Steps)
                    sum += Of(step.Layer, ref shape);
                return sum;

            case Layer.Convolution convolution:
                shape = Slide(shape, convolution.Kernel, convolution.Stride, convolution.Padding) with { Channels = convolution.OutChannels };
                long weights = (long)convolution.OutChannels * (convolution.InChannels / convolution.Groups) * convolution.Kernel * convolution.Kernel;
                return new NetworkCost(weights + (convolution.Bias ? convolution.OutChannels : 0), weights * shape.Height * shape.Width);

            case Layer.BatchNorm norm:
                return new NetworkCost(2 * norm.Channels, 0);

            case Layer.Residual residual:
                var shortcutShape = shape;
                var body = Of(residual.Body, ref shape);
                return residual.Shortcut is null ? body : body + Of(residual.Shortcut, ref shortcutShape);

            case Layer.MaxPool pool:
                shape = Slide(shape, pool.Kernel, pool.Stride, pool.Padding);
                return default;

            case Layer.AveragePool pool:
                shape = Slide(shape, pool.Kernel, pool.Stride, pool.Padding);
                return default;

            case Layer.GlobalAveragePool:
                shape = new ImageShape(shape.Channels, 1, 1);
                return default;

            case Layer.Flatten:
                shape = new ImageShape(shape.Length, 1, 1);
                return default;

            case Layer.Linear linear:
                shape = new ImageShape(linear.Outputs, 1, 1);
                long products = (long)linear.Inputs * linear.Outputs;
                return new NetworkCost(products + (linear.Bias ? linear.Outputs : 0), products);

            default:
                return default;
        }
    }

    /// <summary>In 64 bits: a large padding and stride make a small image, and twice the padding need not fit into 32.</summary>
    private static ImageShape Slide(ImageShape shape, long kernel, long stride, long padding) => new(
        shape.Channels,
        (int)(((shape.Height + (2 * padding) - kernel) / stride) + 1),
        (int)(((shape.Width + (2 * padding) - kernel) / stride) + 1));
}
