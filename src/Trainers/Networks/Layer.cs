namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// A network as data. <see cref="LayerModule"/> makes torch modules of it and <see cref="LayerGraph"/> ONNX nodes, so
/// training and scoring follow one description.
/// </summary>
internal abstract record Layer
{
    /// <summary>Layers one after another, each with the name that its parameters carry.</summary>
    internal sealed record Sequence(params (string Name, Layer Layer)[] Steps) : Layer;

    /// <summary>A square convolution without bias.</summary>
    internal sealed record Convolution(int InChannels, int OutChannels, int Kernel, int Stride, int Padding) : Layer;

    /// <summary>Normalisation by batch statistics in training and by running statistics (momentum 0.1) afterwards.</summary>
    internal sealed record BatchNorm(int Channels) : Layer
    {
        public const double Epsilon = 1e-5;
        public const double Momentum = 0.1;
    }

    /// <summary>max(x, 0).</summary>
    internal sealed record Relu : Layer;

    /// <summary>relu(body(x) + shortcut(x)); a null shortcut is the identity.</summary>
    internal sealed record Residual(Layer Body, Layer? Shortcut) : Layer;

    /// <summary>The parameter-free shortcut: every stride-th pixel, and channels of zeros behind the ones there are.</summary>
    internal sealed record StrideAndPad(int Stride, int ExtraChannels) : Layer;

    /// <summary>The mean over height and width: B x C x H x W to B x C.</summary>
    internal sealed record GlobalAveragePool : Layer;
}
