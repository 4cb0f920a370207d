using Microsoft.ML.Sla.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Networks;

/// <summary>Initial weights, drawn from a generator of our own so that nothing else in the process changes them.</summary>
internal static class Initialization
{
    /// <summary>Convolution weights of mean 0 and variance 2 / (k * k * out channels) (He et al. 2015), in channels-last layout.</summary>
    public static Parameter HeNormal(Random random, int outChannels, int inChannels, int height, int width)
    {
        double deviation = Math.Sqrt(2.0 / ((double)outChannels * height * width));
        using Tensor weight = Fill([outChannels, inChannels, height, width], () => deviation * random.Normal());
        return new Parameter(Layout.ChannelsLast(weight));
    }

    /// <summary>Uniform in [-1/sqrt(inputs), 1/sqrt(inputs)], torch's default for the weights and biases of a linear layer.</summary>
    public static Parameter LinearUniform(Random random, int inputs, params long[] shape)
    {
        double bound = 1 / Math.Sqrt(inputs);
        return new Parameter(Fill(shape, () => bound * (2 * random.NextDouble() - 1)));
    }

    private static Tensor Fill(long[] shape, Func<double> next)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)next();

        // A tensor of an array stays where the array is, and sums of MKL depend on where that is to the last bit.
        using Tensor ofArray = tensor(values, shape);
        return ofArray.clone();
    }
}
