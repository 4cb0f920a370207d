using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// The four-layer network of the few-shot literature (Vinyals et al. 2016): four times a convolution, normalisation, relu and
/// halving. The mean over what is left takes the place of flattening, so that any size will do.
/// </summary>
internal sealed class ConvNet : Architecture
{
    /// <summary>Number of convolutions.</summary>
    public const int Layers = 4;

    private const int SmallestSide = 16;

    public ConvNet(int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, LargestWidth);
        Width = width;
    }

    public int Width { get; }

    public override string Name => $"ConvNet-{Layers}x{Width}";

    public override int EmbeddingSize => Width;

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, largestSide: int.MaxValue);

    internal override Layer Describe(int channels) => new Sequence(
    [
        .. Enumerable.Range(0, Layers).Select(number => new Step($"layer{number + 1}", new Sequence(
            ("conv", Blocks.Conv3x3(number == 0 ? channels : Width, Width)),
            ("bn", new BatchNorm(Width)),
            ("relu", new Relu()),
            ("pool", new MaxPool(Kernel: 2, Stride: 2, Padding: 0))))),
        new Step("pool", new GlobalAveragePool()),
    ]);
}
