namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// Holds a <see cref="Layer"/> against the images that go in, before anything of it is made, and collects the shapes of its tensors.
/// A description out of a file is not to be trusted with memory.
/// </summary>
internal sealed class LayerShapes
{
    /// <summary>Values between two layers, of all views of an image: 2 GiB as floats.</summary>
    private const long MostValues = 1L << 29;

    private readonly Dictionary<string, long[]> _tensors = new(StringComparer.Ordinal);
    private readonly int _views;

    private LayerShapes(int views) => _views = views;

    /// <summary>The shapes of a layer's tensors by name.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="name">What the names of its tensors begin with.</param>
    /// <param name="images">Shape of the images.</param>
    /// <param name="views">Number of images that it is applied to at a time.</param>
    /// <param name="outputs">Number of values that it must make of an image.</param>
    /// <exception cref="InvalidDataException">The layers do not fit each other or the images, or make too much of them.</exception>
    public static IReadOnlyDictionary<string, long[]> Of(Layer layer, string name, ImageShape images, int views, int outputs)
    {
        var shapes = new LayerShapes(views);
        var made = shapes.Add(layer, name, new Values(images.Channels, images.Height, images.Width, IsVector: false));
        if (made.Channels != outputs || made.Height * made.Width != 1)
            throw new InvalidDataException($"'{name}' makes {made} values of an image of {images}, and {outputs} are declared.");
        return shapes._tensors;
    }

    private Values Add(Layer layer, string name, Values input)
    {
        var output = OutputOf(layer, name, input);
        if (output.Channels < 1 || output.Height < 1 || output.Width < 1 || output.Count > MostValues / _views)
            throw new InvalidDataException($"'{name}' makes {output} values of {input}, which cannot be, or is more than memory should hold.");
        return output;
    }

    private Values OutputOf(Layer layer, string name, Values input)
    {
        switch (layer)
        {
            case Layer.Sequence sequence:
                return sequence.Steps.Aggregate(input, (values, step) => Add(step.Layer, $"{name}.{step.Name}", values));

            case Layer.Convolution convolution:
                CheckImage(name, input);
                Check(name, convolution.Groups > 0 && convolution.InChannels % convolution.Groups == 0 && convolution.OutChannels % convolution.Groups == 0, input);
                CheckInput(name, convolution.InChannels, input.Channels);
                Tensor($"{name}.weight", convolution.OutChannels, convolution.InChannels / convolution.Groups, convolution.Kernel, convolution.Kernel);
                if (convolution.Bias)
                    Tensor($"{name}.bias", convolution.OutChannels);
                return Slide(name, input, convolution.Kernel, convolution.Stride, convolution.Padding) with { Channels = convolution.OutChannels };

            case Layer.BatchNorm norm:
                CheckInput(name, norm.Channels, input.Channels);
                foreach (string tensor in (ReadOnlySpan<string>)["weight", "bias", "running_mean", "running_var"])
                    Tensor($"{name}.{tensor}", norm.Channels);
                return input;

            case Layer.Residual residual:
                var body = Add(residual.Body, $"{name}.body", input);
                var shortcut = residual.Shortcut is null ? input : Add(residual.Shortcut, $"{name}.shortcut", input);
                Check(name, body == shortcut, shortcut);
                return body;

            case Layer.StrideAndPad pad:
                CheckImage(name, input);
                Check(name, pad.Stride > 0 && pad.ExtraChannels >= 0, input);
                return new Values(
                    input.Channels + pad.ExtraChannels, (input.Height + pad.Stride - 1) / pad.Stride, (input.Width + pad.Stride - 1) / pad.Stride, IsVector: false);

            case Layer.MaxPool pool:
                CheckImage(name, input);
                return Slide(name, input, pool.Kernel, pool.Stride, pool.Padding);

            case Layer.AveragePool pool:
                CheckImage(name, input);
                return Slide(name, input, pool.Kernel, pool.Stride, pool.Padding);

            case Layer.GlobalAveragePool pool:
                CheckImage(name, input);
                return new Values(input.Channels, 1, 1, IsVector: !pool.KeepsSides);

            case Layer.Flatten:
                return new Values(input.Count, 1, 1, IsVector: true);

            case Layer.Linear linear:
                Check(name, input.IsVector, input);
                CheckInput(name, linear.Inputs, input.Channels);
                Tensor($"{name}.weight", linear.Outputs, linear.Inputs);
                if (linear.Bias)
                    Tensor($"{name}.bias", linear.Outputs);
                return new Values(linear.Outputs, 1, 1, IsVector: true);

            case Layer.Relu:
                return input;

            default:
                throw new NotSupportedException($"There are no shapes for {layer.GetType().Name}.");
        }
    }

    private void Tensor(string name, params long[] shape)
    {
        if (!_tensors.TryAdd(name, shape))
            throw new InvalidDataException($"The tensor '{name}' is there twice.");
    }

    private static Values Slide(string name, Values input, long kernel, long stride, long padding)
    {
        Check(name, kernel > 0 && stride > 0 && padding >= 0, input);
        return input with { Height = Side(input.Height), Width = Side(input.Width) };

        long Side(long side) => (side + (2 * padding)) < kernel ? 0 : ((side + (2 * padding) - kernel) / stride) + 1;
    }

    private static void CheckImage(string name, Values input) => Check(name, !input.IsVector, input);

    private static void CheckInput(string name, long declared, long given)
    {
        if (declared != given)
            throw new InvalidDataException($"'{name}' takes {declared} channels, and {given} come in.");
    }

    private static void Check(string name, bool fits, Values input)
    {
        if (!fits)
            throw new InvalidDataException($"'{name}' is a layer that cannot be, or not for {input} values.");
    }

    /// <summary>What goes from layer to layer, of one image.</summary>
    private readonly record struct Values(long Channels, long Height, long Width, bool IsVector)
    {
        /// <summary>The number of values. Descriptions have numbers of 32 bits, so a product of two fits, and is looked at before the third.</summary>
        public long Count => Height > MostValues || Width > MostValues || Channels > MostValues || Height * Width > MostValues
            ? long.MaxValue
            : Channels * Height * Width;

        public override string ToString() => IsVector ? $"{Channels}" : $"{Channels} x {Height} x {Width}";
    }
}
