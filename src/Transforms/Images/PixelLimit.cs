namespace Microsoft.ML.Sla.Images;

/// <summary>
/// The size limit for images to decode. A file of a few bytes can declare billions of pixels. The declared size is therefore
/// compared with the limit before memory for any pixel is allocated.
/// </summary>
/// <param name="Pixels">The largest width times height that an image may declare.</param>
internal readonly record struct PixelLimit(long Pixels)
{
    public const long Default = 200_000_000;

    /// <summary>ML.NET counts the bytes of an image's pixels, four for each, in 32 bits.</summary>
    private const long InMemory = int.MaxValue / 4;

    /// <summary>
    /// The most pixels that may be in memory at once. The rest of the limit is for a turned copy, and for the decoder. For an interlaced PNG
    /// file with 16-bit channels, the decoder holds 8 bytes for each pixel in addition to the 4 of the image.
    /// </summary>
    private long Whole => Math.Min(Pixels / 4, InMemory);

    /// <summary>Why an image is too large; null if it is not.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="held">The number of pixels in memory at once during decoding.</param>
    /// <param name="isReduced">Whether a smaller decodeSide would decode the file at a reduced size.</param>
    public string? Refuse(int width, int height, long held, bool isReduced)
    {
        long declared = (long)width * height;
        if (declared <= Pixels && held <= Whole)
            return null;

        string size = Text($"it has {width} x {height} pixels");
        if (declared > Pixels)
            return Text($"{size}, and pixelLimit allows {Pixels:N0} in all. Save it smaller, or raise pixelLimit");
        string remedy = isReduced ? "Give decodeSide, or a smaller one, to decode it at a reduced size, save it smaller" : "Save it smaller";
        string most = Whole == InMemory ? "the most that ML.NET supports" : "a quarter of pixelLimit";
        return Text($"{size}, of which {held:N0} must be in memory at once; the limit is {Whole:N0}, {most}. {remedy}{(Whole == InMemory ? "" : ", or raise pixelLimit")}");
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
