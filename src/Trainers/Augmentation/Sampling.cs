using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>Images seen through affine maps of the plane, one for each image.</summary>
internal static class Sampling
{
    /// <summary>Samples images.</summary>
    /// <param name="images">B x C x H x W.</param>
    /// <param name="maps">
    /// B maps of 6 values: a b c d e f takes the result's place (x, y) to the image's (ax + by + c, dx + ey + f), in units
    /// of half the image's sides from its centre, so that its edges are at -1 and 1.
    /// </param>
    /// <param name="mode">How values between pixels are had.</param>
    /// <param name="outside">What lies outside of the image.</param>
    /// <returns>B x C x H x W.</returns>
    public static Tensor Affine(Tensor images, float[] maps, GridSampleMode mode, GridSamplePaddingMode outside)
    {
        using Tensor theta = tensor(maps, [images.shape[0], 2, 3], device: images.device);
        using Tensor grid = nn.functional.affine_grid(theta, images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, mode, outside, align_corners: false);
    }
}
