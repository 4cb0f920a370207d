using Microsoft.ML.Sla.Images;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Decodes an image.</summary>
internal sealed class ImageReader : IFileReader
{
    private const int DecodeSide = 64;

    public string Read(string path)
    {
        using var image = UprightImage.Load(path, DecodeSide);
        return FormattableString.Invariant($"{image.Width} x {image.Height}, the last value {image.Pixels[^1]}");
    }

    public void Dispose()
    {
    }
}
