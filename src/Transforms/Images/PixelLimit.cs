namespace Microsoft.ML.Sla.Images;

/// <summary>
/// How large images may be that are decoded. A file of a few bytes can declare billions of pixels; so the size that it
/// declares is compared with the limit before there is memory for any pixel.
/// </summary>
/// <param name="Pixels">Width times height that an image may declare.</param>
internal readonly record struct PixelLimit(long Pixels)
{
    public const long Default = 200_000_000;

    /// <summary>The bytes of an image's pixels, four each, are counted in 32 bits by ML.NET.</summary>
    private const long InMemory = int.MaxValue / 4;

    /// <summary>
    /// What may be in memory at once. The rest is left for a decoder, which may hold 8 bytes a pixel beside the 4 of
    /// the image (a PNG file that is interlaced, in 16 bits a channel), and for a copy that is turned.
    /// </summary>
    private long Whole => Math.Min(Pixels / 4, InMemory);

    /// <summary>Why an image is too large; null where it is not.</summary>
    /// <param name="width">Its width in pixels.</param>
    /// <param name="height">Its height in pixels.</param>
    /// <param name="held">How many pixels are held in memory at once to decode it.</param>
    /// <param name="isReduced">
    /// Whether it is a file that is decoded at a reduced size where a smaller decodeSide asks for it.
    /// </param>
    public string? Refuse(int width, int height, long held, bool isReduced)
    {
        long declared = (long)width * height;
        if (declared <= Pixels && held <= Whole)
            return null;

        string size = Text($"it has {width} x {height} pixels");
        if (declared > Pixels)
            return Text($"{size}, and pixelLimit allows {Pixels:N0} in all. Save it smaller, or raise pixelLimit");
        string remedy = isReduced ? "Give decodeSide, or a smaller one, to decode it at a reduced size, save it smaller" : "Save it smaller";
        string most = Whole == InMemory ? "the most there can be" : "a quarter of pixelLimit";
        return Text($"{size}, of which {held:N0} are in memory at once; {Whole:N0} can be, {most}. {remedy}{(Whole == InMemory ? "" : ", or raise pixelLimit")}");
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
