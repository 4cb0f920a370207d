using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>Changes colours and values of B x C x H x W images of 0 to 255, with a separate strength for each image (B x 1 x 1 x 1).</summary>
internal static class PixelOperations
{
    private const double Largest = 255;

    public static Tensor Brightness(Tensor images, Tensor factors) => (images * factors).Between(0, Largest);

    /// <summary>Moves values away from the mean of the image's grey values, or towards it.</summary>
    public static Tensor Contrast(Tensor images, Tensor factors) => Blend(Gray(images).mean([1, 2, 3], keepdim: true), images, factors);

    /// <summary>Moves values away from the grey image, or towards it.</summary>
    public static Tensor Saturation(Tensor images, Tensor factors) => images.shape[1] == 1 ? images.clone() : Blend(Gray(images), images, factors);

    /// <summary>Turns the hue. Turns are shares of the colour circle.</summary>
    public static Tensor Hue(Tensor images, Tensor turns)
    {
        if (images.shape[1] == 1)
            return images.clone();

        Tensor red = images.slice(1, 0, 1, 1), green = images.slice(1, 1, 2, 1), blue = images.slice(1, 2, 3, 1);
        Tensor value = images.amax([1], keepdim: true);
        Tensor range = value - images.amin([1], keepdim: true);
        Tensor divisor = range.With(1, range.IsZero());
        Tensor sixths = where(
            value == red,
            ((green - blue) / divisor).Modulo(6),
            where(value == green, ((blue - red) / divisor).Plus(2), ((red - green) / divisor).Plus(4)));
        Tensor hue = sixths.Plus(turns.Times(6)).Modulo(6);

        // A channel has its full value within a sixth of the circle on each side of its own hue, and falls beyond (Foley et al.).
        Tensor Channel(double offset)
        {
            Tensor k = hue.Plus(offset).Modulo(6);
            return value - (range * minimum(k, k.SubtractedFrom(4)).Between(0, 1));
        }

        return cat([Channel(5), Channel(3), Channel(1)], 1);
    }

    /// <summary>Moves values away from the image blurred by 3 x 3 pixels, or towards it. The outermost pixels do not change.</summary>
    public static Tensor Sharpness(Tensor images, Tensor factors)
    {
        long channels = images.shape[1];
        Tensor kernel = ones(channels, 1, 3, 3, device: images.device);
        kernel.slice(2, 1, 2, 1).slice(3, 1, 2, 1).Fill(5);
        kernel = kernel.Over(13);
        Tensor blurred = images.clone();
        blurred.slice(2, 1, -1, 1).slice(3, 1, -1, 1).copy_(
            nn.functional.conv2d(images, kernel, groups: channels));
        return Blend(blurred, images, factors);
    }

    /// <summary>Stretches each channel of each image to 0 to 255.</summary>
    public static Tensor AutoContrast(Tensor images)
    {
        Tensor low = images.amin([2, 3], keepdim: true);
        Tensor range = images.amax([2, 3], keepdim: true) - low;
        Tensor flat = range.IsZero();
        return where(flat, images, (images - low) * range.With(1, flat).reciprocal().Times(Largest));
    }

    /// <summary>Makes the values of each channel of each image equally frequent, with Pillow's algorithm.</summary>
    public static Tensor Equalize(Tensor images)
    {
        const int Levels = 256;
        Tensor levels = images.round().Between(0, Largest).to(ScalarType.Int64).view(images.shape[0] * images.shape[1], -1);
        Tensor counts = zeros([levels.shape[0], Levels], dtype: float32, device: images.device).scatter_add_(1, levels, ones_like(levels, dtype: float32));
        Tensor last = counts.gather(1, levels.amax([1], keepdim: true));
        Tensor step = last.SubtractedFrom(levels.shape[1]).Over(Levels - 1).floor();
        Tensor unused = step.IsZero();
        Tensor before = counts.cumsum(1) - counts;
        Tensor table = (before.Plus(step.Over(2).floor()) / step.With(1, unused)).floor().Between(0, Largest);
        Tensor equal = table.gather(1, levels).view(images.shape);
        return where(unused.view(images.shape[0], images.shape[1], 1, 1), images, equal);
    }

    /// <summary>Inverts values at or above a threshold.</summary>
    public static Tensor Solarize(Tensor images, Tensor thresholds) => where(images >= thresholds, images.SubtractedFrom(Largest), images);

    /// <summary>Rounds values down to a multiple of a step.</summary>
    public static Tensor Posterize(Tensor images, Tensor steps) => (images / steps).floor() * steps;

    /// <summary>The luma of ITU-R BT.601.</summary>
    private static Tensor Gray(Tensor images)
    {
        if (images.shape[1] == 1)
            return images;

        return images.slice(1, 0, 1, 1).Times(0.299).Plus(images.slice(1, 1, 2, 1).Times(0.587)).Plus(images.slice(1, 2, 3, 1).Times(0.114));
    }

    private static Tensor Blend(Tensor from, Tensor images, Tensor factors) => from.Plus(factors * (images - from)).Between(0, Largest);
}
