using static Microsoft.ML.Sla.Networks.Layer;

namespace Microsoft.ML.Sla.Networks;

/// <summary>What residual networks are made of.</summary>
internal static class Blocks
{
    public static Convolution Conv1x1(int inChannels, int outChannels, int stride = 1) => new(inChannels, outChannels, Kernel: 1, stride, Padding: 0);

    public static Convolution Conv3x3(int inChannels, int outChannels, int stride = 1) => new(inChannels, outChannels, Kernel: 3, stride, Padding: 1);

    /// <summary>Two convolutions of 3 x 3 with normalisation (He et al. 2016).</summary>
    public static Sequence Basic(int inChannels, int outChannels, int stride) => new(
        ("conv1", Conv3x3(inChannels, outChannels, stride)),
        ("bn1", new BatchNorm(outChannels)),
        ("relu", new Relu()),
        ("conv2", Conv3x3(outChannels, outChannels)),
        ("bn2", new BatchNorm(outChannels)));

    /// <summary>Convolutions of 1 x 1, 3 x 3 and 1 x 1, with the stride in the middle as torchvision has it.</summary>
    public static Sequence Bottleneck(int inChannels, int channels, int outChannels, int stride) => new(
        ("conv1", Conv1x1(inChannels, channels)),
        ("bn1", new BatchNorm(channels)),
        ("relu1", new Relu()),
        ("conv2", Conv3x3(channels, channels, stride)),
        ("bn2", new BatchNorm(channels)),
        ("relu2", new Relu()),
        ("conv3", Conv1x1(channels, outChannels)),
        ("bn3", new BatchNorm(outChannels)));

    /// <summary>A number of blocks of which the first changes channels and size.</summary>
    public static Sequence Stage(int blocks, Func<int, string> nameOf, Func<bool, Layer> block) =>
        new([.. Enumerable.Range(0, blocks).Select(number => new Step(nameOf(number), block(number == 0)))]);
}
