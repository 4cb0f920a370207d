using Microsoft.ML.Data;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The network of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, against ML.NET's own use of it.</summary>
public sealed class MicrosoftResNet18Tests
{
    private const int Side = 224;
    private const int Pixels = Side * Side;

    private static readonly float[] Image = [.. Enumerable.Range(0, 3 * Pixels).Select(i => MathF.Round(127.5f + (127.5f * (float)Math.Sin(i / 50.0) * (float)VectorFile.Number(5, i))))];

    private static readonly Lazy<Architecture> Network = new(() => Architecture.PretrainedResNet18(BackboneEmbedding.Last));

    [Fact]
    public void Its_features_are_those_of_DnnFeaturizeImage()
    {
        float[] expected = Featurized();
        var architecture = Network.Value;
        Assert.Equal(expected.Length, architecture.EmbeddingSize);
        float[] actual = BackboneFile.Embed(architecture, new ImageShape(3, Side, Side), Seen(Image))[0];
        double largest = expected.Max(Math.Abs);
        Assert.True(largest > 0.1);
        foreach (var (want, have) in expected.Zip(actual))
            Assert.Equal(want, have, 1e-3 * largest);
    }

    [Fact]
    public void A_grey_image_is_a_colour_image_of_equal_channels()
    {
        float[] grey = Seen(Image)[..Pixels];
        float[] ofGrey = BackboneFile.Embed(Network.Value, new ImageShape(1, Side, Side), grey)[0];
        Assert.Equal(BackboneFile.Embed(Network.Value, new ImageShape(3, Side, Side), [.. grey, .. grey, .. grey])[0], ofGrey);
    }

    [Fact]
    public void It_takes_small_images_and_reduces_them_by_their_share_of_the_mean_image()
    {
        var shape = new ImageShape(3, 64, 64);
        Assert.Null(Network.Value.Objection(shape));
        float[] first = BackboneFile.Embed(Network.Value, shape, new float[shape.Length])[0];
        float[] second = BackboneFile.Embed(Network.Value, shape, [.. Enumerable.Repeat(100f, shape.Length)])[0];
        Assert.Contains(first, value => value > 0);
        Assert.NotEqual(first, second);
    }

    /// <summary>What the network sees of pixels of 0 to 255 by the normalisation that it comes with.</summary>
    private static float[] Seen(float[] pixels)
    {
        var (scale, offset) = Network.Value.InitialNormalization!.ForBytes(3);
        return [.. pixels.Select((pixel, i) => (pixel * scale[i / Pixels]) + offset[i / Pixels])];
    }

    private static float[] Featurized()
    {
        var mlContext = new MLContext(seed: 1);
        var data = mlContext.Data.LoadFromEnumerable([new Row { Values = Image }]);
        using var transformer = mlContext.Transforms.DnnFeaturizeImage(
            "Features", input => input.ModelSelector.ResNet18(mlContext, input.OutputColumn, input.InputColumn), nameof(Row.Values)).Fit(data);
        return transformer.Transform(data).GetColumn<float[]>("Features").Single();
    }

    private sealed class Row
    {
        [VectorType(3 * Pixels)]
        public required float[] Values { get; init; }
    }
}
