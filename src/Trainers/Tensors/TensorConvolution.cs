using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tensors;

/// <summary>Convolutions of images.</summary>
internal static class TensorConvolution
{
    /// <summary>Channels in the largest block of oneDNN's kernels, that for AVX-512. With AVX2 a block has 8.</summary>
    private const int LargestBlock = 16;

    /// <summary>Convolves images.</summary>
    /// <remarks>
    /// oneDNN's kernel for the gradient of the weights writes past its memory if a convolution of 1 x 1 has a stride and fewer channels than a block
    /// (oneDNN issue 6035). The gradients are then wrong, or the process ends. For such a convolution this method takes the pixels at the stride
    /// first. A convolution of them without a stride has the same result.
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

        using Tensor pixels = images.AtStrides(strides[0], strides[1]);
        return nn.functional.conv2d(pixels, weight, bias, groups: groups);
    }

    /// <summary>Every so many rows and columns of images, from the first on. The result shares their memory.</summary>
    /// <param name="images">B x C x H x W.</param>
    /// <param name="height">The stride of the rows.</param>
    /// <param name="width">The stride of the columns.</param>
    public static Tensor AtStrides(this Tensor images, long height, long width)
    {
        using Tensor rows = images.slice(2, 0, images.shape[2], height);
        return rows.slice(3, 0, images.shape[3], width);
    }

    private static bool IsUnsafe(Tensor images, Tensor weight, long[] strides, long[] padding) =>
        strides is not [1, 1] && padding is [0, 0] && weight.shape is [_, < LargestBlock, 1, 1] && images.device.type == DeviceType.CPU;
}
