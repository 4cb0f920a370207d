namespace Microsoft.ML.Sla;

/// <summary>The shape of an image: channels, height and width, in values. Pixel vectors hold the values in this order (C x H x W).</summary>
/// <param name="Channels">Number of channels C: 3 for colour (red, green, blue), 1 for grey.</param>
/// <param name="Height">Number of pixel rows H.</param>
/// <param name="Width">Number of pixels W in a row.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>Number of values in an image, C * H * W.</summary>
    public int Length => Channels * Height * Width;

    /// <summary>The shape as text, such as <c>3 x 32 x 32</c>.</summary>
    public override string ToString() => $"{Channels} x {Height} x {Width}";
}
