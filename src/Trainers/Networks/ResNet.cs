using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// The residual network for photos (He et al. 2016): a stem that quarters the sides, four stages, basic blocks or bottlenecks. Its
/// layers have the names of torchvision's, so that published weights fit.
/// </summary>
internal sealed class ResNet : Architecture
{
    private const int SmallestSide = 32;
    private const int StemChannels = 64;

    public ResNet(int depth)
    {
        if (depth is not (18 or 34 or 50))
            throw new ArgumentOutOfRangeException(nameof(depth), depth, "The depth of a ResNet is 18, 34 or 50. For small images there is CifarResNet, of other depths.");
        Depth = depth;
    }

    public int Depth { get; }

    public override string Name => $"ResNet-{Depth}";

    public override int EmbeddingSize => 8 * StemChannels * Expansion;

    private bool HasBottlenecks => Depth == 50;

    private int Expansion => HasBottlenecks ? 4 : 1;

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, largestSide: int.MaxValue);

    internal override Layer Describe(int channels)
    {
        int[] blocks = Depth == 18 ? [2, 2, 2, 2] : [3, 4, 6, 3];
        return new Sequence(
            ("conv1", new Convolution(channels, StemChannels, Kernel: 7, Stride: 2, Padding: 3)),
            ("bn1", new BatchNorm(StemChannels)),
            ("relu", new Relu()),
            ("maxpool", new MaxPool(Kernel: 3, Stride: 2, Padding: 1)),
            ("layer1", Stage(StemChannels, StemChannels, blocks[0], stride: 1)),
            ("layer2", Stage(StemChannels * Expansion, 2 * StemChannels, blocks[1], stride: 2)),
            ("layer3", Stage(2 * StemChannels * Expansion, 4 * StemChannels, blocks[2], stride: 2)),
            ("layer4", Stage(4 * StemChannels * Expansion, 8 * StemChannels, blocks[3], stride: 2)),
            ("avgpool", new GlobalAveragePool()));
    }

    private Sequence Stage(int inChannels, int channels, int blocks, int stride)
    {
        int outChannels = channels * Expansion;
        return Blocks.Stage(
            blocks,
            number => $"{number}",
            isFirst => new Residual(
                Body(isFirst ? inChannels : outChannels, channels, isFirst ? stride : 1),
                isFirst && (inChannels != outChannels || stride != 1)
                    ? new Sequence(("0", Blocks.Conv1x1(inChannels, outChannels, stride)), ("1", new BatchNorm(outChannels)))
                    : null));
    }

    private Sequence Body(int inChannels, int channels, int stride) => HasBottlenecks
        ? Blocks.Bottleneck(inChannels, channels, channels * Expansion, stride)
        : Blocks.Basic(inChannels, channels, stride);
}
