using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The residual network for small images (docs/method.md: three stages, parameter-free shortcuts that stride by 2 and pad channels).</summary>
internal sealed class CifarResNet : Architecture
{
    private const int SmallestSide = 16;
    private const int LargestSide = 64;
    private const int BaseChannels = 16;

    public CifarResNet(int depth, int width)
    {
        if (depth is < 8 or > 1202 || (depth - 2) % 6 != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(depth), depth, "The depth of a CIFAR ResNet is 6n + 2 with n of 1 or more, 1202 at most: 8, 14, 20, 26, 32, 44, 56, 110, ...");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, LargestWidth);
        Depth = depth;
        Width = width;
    }

    public int Depth { get; }

    public int Width { get; }

    public override string Name => Width == 1 ? $"CIFAR ResNet-{Depth}" : $"CIFAR ResNet-{Depth}x{Width}";

    public override int EmbeddingSize => 4 * BaseChannels * Width;

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, LargestSide);

    internal override Layer Describe(int channels)
    {
        int stem = BaseChannels * Width;
        return new Sequence(
            ("stem", new Sequence(("conv", Blocks.Conv3x3(channels, stem)), ("bn", new BatchNorm(stem)), ("relu", new Relu()))),
            ("stage1", Stage(stem, stem, stride: 1)),
            ("stage2", Stage(stem, 2 * stem, stride: 2)),
            ("stage3", Stage(2 * stem, 4 * stem, stride: 2)),
            ("pool", new GlobalAveragePool()));
    }

    private Sequence Stage(int inChannels, int outChannels, int stride) => Blocks.Stage(
        (Depth - 2) / 6,
        number => $"block{number + 1}",
        isFirst => isFirst
            ? new Residual(Blocks.Basic(inChannels, outChannels, stride), stride == 1 ? null : new StrideAndPad(stride, outChannels - inChannels))
            : new Residual(Blocks.Basic(outChannels, outChannels, stride: 1), Shortcut: null));
}
