using Microsoft.ML.Sla.Networks;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>What a description is held against before memory is taken for it.</summary>
public sealed class LayerShapesTests
{
    private static readonly Layer.Convolution Convolution = new(InChannels: 3, OutChannels: 8, Kernel: 3, Stride: 1, Padding: 1);

    public static TheoryData<string, int, int, int> Networks => NetworkTests.Exported;

    [Theory]
    [MemberData(nameof(Networks))]
    public void The_tensors_are_those_that_torch_makes(string name, int channels, int height, int width)
    {
        TorchLibrary.EnsureLoaded();
        using var scope = NewDisposeScope();
        var shape = new ImageShape(channels, height, width);
        var (architecture, _) = NetworkTests.Named(name).Choose(shape, images: 1, gpu: false);
        using var network = new SlaNetwork(architecture, shape, [], seed: 1);

        var shapes = LayerShapes.Of(architecture.Describe(channels), SlaNetwork.BackboneName, shape, views: 4, architecture.EmbeddingSize);
        Assert.Equal(network.FloatTensors().Select(t => (t.Name, string.Join(',', t.Value.shape))).Order(), shapes.Select(t => (t.Key, string.Join(',', t.Value))).Order());
        network.GetWeights().Check(shapes);
    }

    [Fact]
    public void Layers_that_do_not_fit_are_refused_by_name()
    {
        Layer pool = new Layer.GlobalAveragePool();
        AssertRefused("'net.b' takes 4 channels, and 8 come in", ("a", Convolution), ("b", new Layer.BatchNorm(4)), ("c", pool));
        AssertRefused("'net' makes 8 values", ("a", Convolution), ("c", pool), ("d", new Layer.Relu()));
        AssertRefused("'net.b' is a layer that cannot be", ("a", Convolution), ("b", new Layer.Residual(pool, Shortcut: null)), ("c", pool));
        AssertRefused("'net.b' is a layer that cannot be", ("a", pool), ("b", Convolution));
        AssertRefused("'net.b' is a layer that cannot be", ("a", Convolution), ("b", new Layer.Linear(8, 8)));
        AssertRefused("'net.a' is a layer that cannot be", ("a", Convolution with { Stride = 0 }), ("c", pool));
        AssertRefused("'net.a' is a layer that cannot be", ("a", Convolution with { Groups = 2 }), ("c", pool));
        AssertRefused("'net.a' makes", ("a", Convolution with { Kernel = 99 }), ("c", pool));
        AssertRefused("'net.a' makes", ("a", Convolution with { Padding = int.MaxValue }), ("c", pool));
        AssertRefused("'net.a' makes", ("a", Convolution with { OutChannels = int.MaxValue }), ("c", pool));
        AssertRefused("'net.a' makes", ("a", new Layer.StrideAndPad(1, int.MaxValue)), ("c", pool));
        AssertRefused("there twice", ("a", Convolution), ("a", Convolution with { InChannels = 8 }), ("c", pool));
    }

    private static void AssertRefused(string expected, params Layer.Step[] steps)
    {
        var error = Assert.Throws<InvalidDataException>(() => LayerShapes.Of(new Layer.Sequence(steps), "net", new ImageShape(3, 16, 16), views: 4, outputs: 4));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
