using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// A network as data. <see cref="LayerModule"/> makes torch modules of it, <see cref="LayerGraph"/> ONNX nodes and
/// <see cref="LayerCost"/> the number of its operations, so training and scoring follow one description.
/// </summary>
[JsonDerivedType(typeof(Sequence), "sequence")]
[JsonDerivedType(typeof(Convolution), "convolution")]
[JsonDerivedType(typeof(BatchNorm), "batchNorm")]
[JsonDerivedType(typeof(Relu), "relu")]
[JsonDerivedType(typeof(Residual), "residual")]
[JsonDerivedType(typeof(StrideAndPad), "strideAndPad")]
[JsonDerivedType(typeof(MaxPool), "maxPool")]
[JsonDerivedType(typeof(AveragePool), "averagePool")]
[JsonDerivedType(typeof(GlobalAveragePool), "globalAveragePool")]
[JsonDerivedType(typeof(Flatten), "flatten")]
[JsonDerivedType(typeof(Linear), "linear")]
internal abstract record Layer
{
    /// <summary>A layer of a sequence, with the name that its parameters carry.</summary>
    internal sealed record Step(string Name, Layer Layer)
    {
        public static implicit operator Step((string Name, Layer Layer) step) => new(step.Name, step.Layer);
    }

    /// <summary>Layers one after another; none of them is the identity.</summary>
    internal sealed record Sequence(params Step[] Steps) : Layer;

    /// <summary>A square convolution.</summary>
    internal sealed record Convolution(int InChannels, int OutChannels, int Kernel, int Stride, int Padding, int Groups = 1, bool Bias = false) : Layer;

    /// <summary>Normalisation by batch statistics in training and by running statistics (momentum 0.1) afterwards.</summary>
    internal sealed record BatchNorm(int Channels, double Epsilon = 1e-5) : Layer
    {
        public const double Momentum = 0.1;
    }

    /// <summary>max(x, 0), or x times a slope where x is below 0.</summary>
    internal sealed record Relu(double NegativeSlope = 0) : Layer;

    /// <summary>body(x) + shortcut(x), and max(that, 0) unless the next block begins with it; a null shortcut is the identity.</summary>
    internal sealed record Residual(Layer Body, Layer? Shortcut, bool EndsWithRelu = true) : Layer;

    /// <summary>The parameter-free shortcut: every stride-th pixel, and channels of zeros behind the ones there are.</summary>
    internal sealed record StrideAndPad(int Stride, int ExtraChannels) : Layer;

    /// <summary>The largest value of each square.</summary>
    internal sealed record MaxPool(int Kernel, int Stride, int Padding) : Layer;

    /// <summary>The mean of each square, zeros of the padding included.</summary>
    internal sealed record AveragePool(int Kernel, int Stride, int Padding) : Layer;

    /// <summary>The mean over height and width: B x C x H x W to B x C, or to B x C x 1 x 1 where the sides are kept.</summary>
    internal sealed record GlobalAveragePool(bool KeepsSides = false) : Layer;

    /// <summary>B x C x H x W to B x C*H*W.</summary>
    internal sealed record Flatten : Layer;

    /// <summary>B x inputs to B x outputs.</summary>
    internal sealed record Linear(int Inputs, int Outputs, bool Bias = true) : Layer;
}
