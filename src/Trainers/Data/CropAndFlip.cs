namespace Microsoft.ML.Sla.Data;

/// <summary>
/// The paper's base augmentation, drawn once for an image before its views are made: the image is padded with zeros, a
/// crop of its own size is taken at random, and half of the crops are mirrored.
/// </summary>
/// <param name="shape">Shape of the images.</param>
/// <param name="padding">Pixels of padding on each side, 0 for no crop.</param>
/// <param name="flip">Whether crops are mirrored.</param>
internal sealed class CropAndFlip(ImageShape shape, int padding, bool flip)
{
    public void Apply(ReadOnlySpan<byte> image, Span<byte> result, Random random)
    {
        int down = random.Next(-padding, padding + 1);
        int right = random.Next(-padding, padding + 1);
        bool mirror = random.Next(2) == 1 && flip;
        Shift(image, result, down, right);
        if (mirror)
            Mirror(result);
    }

    private void Shift(ReadOnlySpan<byte> image, Span<byte> result, int down, int right)
    {
        result.Clear();
        int columns = shape.Width - Math.Abs(right);
        for (int row = Math.Max(0, down); row < shape.Height + Math.Min(0, down); row++)
        {
            for (int channel = 0; channel < shape.Channels; channel++)
            {
                int target = (channel * shape.Height + row) * shape.Width;
                int source = target - down * shape.Width;
                image.Slice(source + Math.Max(0, -right), columns).CopyTo(result[(target + Math.Max(0, right))..]);
            }
        }
    }

    private void Mirror(Span<byte> result)
    {
        for (int start = 0; start < result.Length; start += shape.Width)
            result.Slice(start, shape.Width).Reverse();
    }
}
