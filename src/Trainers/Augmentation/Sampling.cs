using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>Samples images through affine maps.</summary>
internal static class Sampling
{
    /// <summary>Samples each image through an affine map of its own plane.</summary>
    /// <param name="images">B x C x H x W.</param>
    /// <param name="maps">
    /// B maps of 6 values a b c d e f. A map takes the position (x, y) in the result to (ax + by + c, dx + ey + f) in the image. The unit is
    /// half the image's side and the origin its centre, so that its edges are at -1 and 1.
    /// </param>
    /// <param name="mode">How values between pixels are computed.</param>
    /// <param name="outside">The values outside the image.</param>
    /// <returns>B x C x H x W.</returns>
    public static Tensor Affine(Tensor images, float[] maps, GridSampleMode mode, GridSamplePaddingMode outside)
    {
        using Tensor theta = tensor(maps, [images.shape[0], 2, 3], device: images.device);
        using Tensor grid = nn.functional.affine_grid(theta, images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, mode, outside, align_corners: false);
    }
}
