using Microsoft.ML.Sla.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

public sealed class TensorConvolutionTests : TensorTest
{
    [Theory]
    [InlineData(3, 1, 2, 0)]
    [InlineData(4, 1, 2, 0)]
    [InlineData(6, 1, 3, 0)]
    [InlineData(12, 1, 2, 0)]
    [InlineData(16, 1, 2, 0)]
    [InlineData(4, 1, 2, 1)]
    [InlineData(4, 1, 1, 0)]
    [InlineData(4, 3, 2, 1)]
    public void Results_and_gradients_are_those_of_sums_over_pixels(int channels, int kernel, int stride, int padding)
    {
        for (int trial = 0; trial < 20; trial++)
        {
            using var scope = NewDisposeScope();
            var generator = new Generator((ulong)trial);
            Tensor images = Layout.ChannelsLast(randn([3, channels, 8, 8], generator: generator)).detach().requires_grad_();
            Tensor weight = randn([8, channels, kernel, kernel], generator: generator).requires_grad_();
            Tensor made = images.Convolve(weight, bias: null, [stride, stride], [padding, padding], [1, 1], groups: 1);
            Tensor upstream = randn(made.shape, generator: generator);
            made.backward([upstream]);

            Tensor images64 = images.detach().to(float64).requires_grad_(), weight64 = weight.detach().to(float64).requires_grad_();
            Tensor windows = nn.functional.unfold(images64, kernel, padding: padding, stride: stride);
            Tensor expected = weight64.flatten(1).matmul(windows).reshape(made.shape);
            expected.backward([upstream.to(float64)]);

            AssertClose(expected, made);
            AssertClose(weight64.grad!, weight.grad!);
            AssertClose(images64.grad!, images.grad!);
        }

        static void AssertClose(Tensor expected, Tensor made) =>
            Assert.InRange(made.to(float64).sub(expected).abs().max().item<double>(), 0, 1e-4 * Math.Max(1, expected.abs().max().item<double>()));
    }
}
