using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>The residual network for small images (METHOD: three stages, parameter-free shortcuts that stride by 2 and pad channels).</summary>
internal sealed class CifarResNet : Architecture
{
    private const int SmallestSide = 16;
    private const int LargestSide = 64;
    private const int BaseChannels = 16;

    public CifarResNet(int depth, int width)
    {
        if (depth < 8 || (depth - 2) % 6 != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(depth), depth, "The depth of a CIFAR ResNet is 6n + 2 with n of 1 or more: 8, 14, 20, 26, 32, 44, 56, 110, ...");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        Depth = depth;
        Width = width;
    }

    public int Depth { get; }

    public int Width { get; }

    public override string Name => Width == 1 ? $"ResNet-{Depth}" : $"ResNet-{Depth}x{Width}";

    public override int EmbeddingSize => 4 * BaseChannels * Width;

    internal override string? Objection(ImageShape shape)
    {
        if (shape.Channels is not (1 or 3))
            return $"{Name} takes images of 1 or 3 channels, and these have {shape.Channels}.";
        if (Math.Min(shape.Height, shape.Width) < SmallestSide || Math.Max(shape.Height, shape.Width) > LargestSide)
        {
            return $"{Name} takes images with sides of {SmallestSide} to {LargestSide} pixels, and these are {shape.Width} pixels wide and "
                + $"{shape.Height} high. Set ImageWidth and ImageHeight, to 32 for example, and the images are resized.";
        }

        return null;
    }

    internal override Layer Describe(int channels)
    {
        int stem = BaseChannels * Width;
        return new Sequence(
            ("stem", new Sequence(("conv", Conv3x3(channels, stem, stride: 1)), ("bn", new BatchNorm(stem)), ("relu", new Relu()))),
            ("stage1", Stage(stem, stem, stride: 1)),
            ("stage2", Stage(stem, 2 * stem, stride: 2)),
            ("stage3", Stage(2 * stem, 4 * stem, stride: 2)),
            ("pool", new GlobalAveragePool()));
    }

    private Sequence Stage(int inChannels, int outChannels, int stride) => new(
        [.. Enumerable.Range(0, (Depth - 2) / 6).Select(b => (
            $"block{b + 1}",
            (Layer)(b == 0 ? Block(inChannels, outChannels, stride) : Block(outChannels, outChannels, stride: 1))))]);

    private static Residual Block(int inChannels, int outChannels, int stride) => new Residual(
        new Sequence(
            ("conv1", Conv3x3(inChannels, outChannels, stride)),
            ("bn1", new BatchNorm(outChannels)),
            ("relu", new Relu()),
            ("conv2", Conv3x3(outChannels, outChannels, stride: 1)),
            ("bn2", new BatchNorm(outChannels))),
        stride == 1 ? null : new StrideAndPad(stride, outChannels - inChannels));

    private static Convolution Conv3x3(int inChannels, int outChannels, int stride) => new(inChannels, outChannels, Kernel: 3, stride, Padding: 1);
}
