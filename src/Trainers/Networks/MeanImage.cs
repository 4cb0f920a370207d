namespace Microsoft.ML.Sla.Networks;

/// <summary>The mean of the images that a network was trained on. The network subtracts it from each image.</summary>
/// <param name="values">C x H x W values.</param>
/// <param name="channels">C.</param>
/// <param name="height">H.</param>
/// <param name="width">W.</param>
internal sealed class MeanImage(float[] values, int channels, int height, int width)
{
    /// <summary>The image at another size, by bilinear interpolation between the centres of pixels.</summary>
    public float[] At(int newHeight, int newWidth)
    {
        if ((newHeight, newWidth) == (height, width))
            return values;

        float[] resized = new float[channels * newHeight * newWidth];
        for (int y = 0; y < newHeight; y++)
        {
            var (top, bottom, down) = Between(y, newHeight, height);
            for (int x = 0; x < newWidth; x++)
            {
                var (left, right, across) = Between(x, newWidth, width);
                for (int c = 0; c < channels; c++)
                {
                    float above = Mix(At(c, top, left), At(c, top, right), across);
                    float below = Mix(At(c, bottom, left), At(c, bottom, right), across);
                    resized[(((c * newHeight) + y) * newWidth) + x] = Mix(above, below, down);
                }
            }
        }

        return resized;
    }

    private float At(int channel, int y, int x) => values[(((channel * height) + y) * width) + x];

    /// <summary>The pixels that a new one lies between, and how far it is from the first.</summary>
    private static (int First, int Second, float Share) Between(int position, int newSide, int side)
    {
        float centre = Math.Clamp((((position + 0.5f) * side) / newSide) - 0.5f, 0, side - 1);
        int first = (int)centre;
        return (first, Math.Min(first + 1, side - 1), centre - first);
    }

    private static float Mix(float first, float second, float share) => first + (share * (second - first));
}
