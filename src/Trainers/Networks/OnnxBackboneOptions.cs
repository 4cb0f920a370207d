namespace Microsoft.ML.Sla;

/// <summary>How the images go into a network that <see cref="Architecture.FromOnnx"/> reads, and where its embedding comes out.</summary>
public sealed class OnnxBackboneOptions
{
    /// <summary>The largest width and height of images.</summary>
    internal const int LargestSide = 1024;

    /// <summary>What the network sees of a pixel.</summary>
    /// <value>Default <see cref="PixelNormalization.ImageNet"/>, which torchvision's and timm's networks take.</value>
    public PixelNormalization Normalization { get; set; } = PixelNormalization.ImageNet;

    /// <summary>Whether the network takes blue, green and red in this order, and not red, green and blue.</summary>
    /// <value>Default false.</value>
    public bool IsBlueFirst { get; set; }

    /// <summary>Name of the value that is the embedding.</summary>
    /// <value>Default null: the input of the last linear layer, or the output of a network without one.</value>
    public string? EmbeddingName { get; set; }

    /// <summary>Whether the embedding is the mean over positions (B x D x H x W) or tokens (B x T x D) of that value.</summary>
    /// <value>Default false: the value has to be B x D, or B x D x 1 x 1.</value>
    public bool IsMeanOfPositions { get; set; }

    /// <summary>Width and height of the images that the file is checked with, where it does not say them itself, in pixels.</summary>
    /// <value>Default 224; 16 to 1024.</value>
    public int ImageSize { get; set; } = 224;

    internal OnnxBackboneOptions Clone() => (OnnxBackboneOptions)MemberwiseClone();

    /// <exception cref="ArgumentException">An option has a value that cannot be.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Normalization);
        ArgumentOutOfRangeException.ThrowIfLessThan(ImageSize, 16, nameof(ImageSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ImageSize, LargestSide, nameof(ImageSize));
        if (EmbeddingName is not null)
            ArgumentException.ThrowIfNullOrWhiteSpace(EmbeddingName);
    }
}
