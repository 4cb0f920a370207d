using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// The wide residual network for small images (Zagoruyko and Komodakis 2016): three stages, normalisation and relu before each
/// convolution, a convolution of 1 x 1 as the shortcut where channels or size change.
/// </summary>
internal sealed class WideResNet : Architecture
{
    private const int SmallestSide = 16;
    private const int LargestSide = 64;
    private const int StemChannels = 16;

    public WideResNet(int depth, int width)
    {
        if (depth is < 10 or > 1204 || (depth - 4) % 6 != 0)
            throw new ArgumentOutOfRangeException(nameof(depth), depth, "The depth of a WideResNet is 6n + 4 with n of 1 or more, 1204 at most: 10, 16, 22, 28, 34, 40, ...");

        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, LargestWidth);
        Depth = depth;
        Width = width;
    }

    public int Depth { get; }

    public int Width { get; }

    public override string Name => $"WideResNet-{Depth}-{Width}";

    public override int EmbeddingSize => 4 * StemChannels * Width;

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, LargestSide);

    internal override Layer Describe(int channels)
    {
        int first = StemChannels * Width;
        return new Sequence(
            ("conv1", Blocks.Conv3x3(channels, StemChannels)),
            ("stage1", Stage(StemChannels, first, stride: 1)),
            ("stage2", Stage(first, 2 * first, stride: 2)),
            ("stage3", Stage(2 * first, 4 * first, stride: 2)),
            ("bn", new BatchNorm(4 * first)),
            ("relu", new Relu()),
            ("pool", new GlobalAveragePool()));
    }

    private Sequence Stage(int inChannels, int outChannels, int stride) => Blocks.Stage(
        (Depth - 4) / 6,
        number => $"block{number + 1}",
        isFirst => isFirst && (inChannels != outChannels || stride != 1)
            ? new Sequence(
                ("bn1", new BatchNorm(inChannels)),
                ("relu1", new Relu()),
                ("sum", new Residual(Convolutions(inChannels, outChannels, stride), Blocks.Conv1x1(inChannels, outChannels, stride), EndsWithRelu: false)))
            : new Residual(
                new Sequence(("bn1", new BatchNorm(outChannels)), ("relu1", new Relu()), ("convolutions", Convolutions(outChannels, outChannels, stride: 1))),
                Shortcut: null,
                EndsWithRelu: false));

    private static Sequence Convolutions(int inChannels, int outChannels, int stride) => new(
        ("conv1", Blocks.Conv3x3(inChannels, outChannels, stride)),
        ("bn2", new BatchNorm(outChannels)),
        ("relu2", new Relu()),
        ("conv2", Blocks.Conv3x3(outChannels, outChannels)));
}
