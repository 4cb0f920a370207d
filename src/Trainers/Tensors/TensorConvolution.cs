using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tensors;

/// <summary>Convolutions of images.</summary>
internal static class TensorConvolution
{
    /// <summary>The most channels for which a block of oneDNN's kernels, 8 with AVX2 and 16 with AVX-512, may not be full.</summary>
    private const int MostChannels = 15;

    /// <summary>Convolves images.</summary>
    /// <remarks>
    /// If a convolution of 1 x 1 has a stride and fewer channels than a block of oneDNN's kernel, the kernel for the gradient of its weights writes
    /// past its memory: wrong gradients, or the end of the process (oneDNN issue 6035). Here the pixels at the stride are taken first, and a
    /// convolution without a stride has the same result.
    /// </remarks>
    /// <param name="images">B x C x H x W.</param>
    /// <param name="weight">Filters x channels of a group x height x width.</param>
    /// <param name="bias">A value for each filter; null for none.</param>
    /// <param name="strides">Of height and width.</param>
    /// <param name="padding">Zeros on each side of height and width.</param>
    /// <param name="dilations">Of height and width.</param>
    /// <param name="groups">Number of groups of channels.</param>
    public static Tensor Convolve(this Tensor images, Tensor weight, Tensor? bias, long[] strides, long[] padding, long[] dilations, long groups)
    {
        if (!IsUnsafe(images, weight, strides, padding))
            return nn.functional.conv2d(images, weight, bias, strides, padding, dilations, groups);

        using Tensor atStride = images[TensorIndex.Ellipsis, TensorIndex.Slice(step: strides[0]), TensorIndex.Slice(step: strides[1])];
        return nn.functional.conv2d(atStride, weight, bias, dilation: dilations, groups: groups);
    }

    private static bool IsUnsafe(Tensor images, Tensor weight, long[] strides, long[] padding) =>
        weight.shape is [_, <= MostChannels, 1, 1] && images.device.type == DeviceType.CPU && strides.Any(stride => stride > 1) && padding.All(zeros => zeros == 0);
}
