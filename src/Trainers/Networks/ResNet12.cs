using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The residual network of the few-shot literature (Lee, K. et al. 2019): four residual blocks, each followed by a halving.</summary>
internal sealed class ResNet12 : Architecture
{
    private const int SmallestSide = 16;
    private const double NegativeSlope = 0.1;

    public ResNet12(int width)
    {
        if (width is < 2 or > LargestWidth || width % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(width), width, "The width of a ResNet-12 is an even number of 2 to 4096, such as 64: the second block has 2.5 times as many channels.");
        Width = width;
    }

    public int Width { get; }

    public override string Name => $"ResNet-12x{Width}";

    public override int EmbeddingSize => 10 * Width;

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, largestSide: int.MaxValue);

    internal override Layer Describe(int channels) => new Sequence(
        ("layer1", Block(channels, Width)),
        ("layer2", Block(Width, 5 * Width / 2)),
        ("layer3", Block(5 * Width / 2, 5 * Width)),
        ("layer4", Block(5 * Width, 10 * Width)),
        ("pool", new GlobalAveragePool()));

    private static Sequence Block(int inChannels, int outChannels) => new(
        ("residual", new Residual(
            new Sequence(
                ("conv1", Blocks.Conv3x3(inChannels, outChannels)),
                ("bn1", new BatchNorm(outChannels)),
                ("relu1", new Relu(NegativeSlope)),
                ("conv2", Blocks.Conv3x3(outChannels, outChannels)),
                ("bn2", new BatchNorm(outChannels)),
                ("relu2", new Relu(NegativeSlope)),
                ("conv3", Blocks.Conv3x3(outChannels, outChannels)),
                ("bn3", new BatchNorm(outChannels))),
            new Sequence(("conv", Blocks.Conv1x1(inChannels, outChannels)), ("bn", new BatchNorm(outChannels))),
            EndsWithRelu: false)),
        ("relu", new Relu(NegativeSlope)),
        ("pool", new MaxPool(Kernel: 2, Stride: 2, Padding: 0)));
}
