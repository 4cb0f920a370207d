namespace Microsoft.ML.Sla;

/// <summary>Options of <see cref="Architecture.FromOnnx"/>: the form of the images that the network takes, and its embedding.</summary>
public sealed class OnnxBackboneOptions
{
    /// <summary>The largest width and height of images.</summary>
    internal const int LargestSide = 1024;

    /// <summary>The normalisation of pixels that the network was trained with.</summary>
    /// <value>Default <see cref="PixelNormalization.ImageNet"/>, as for the networks of torchvision and timm.</value>
    public PixelNormalization Normalization { get; set; } = PixelNormalization.ImageNet;

    /// <summary>Whether the network takes the channels in the order blue, green, red.</summary>
    /// <value>Default false: red, green, blue.</value>
    public bool IsBlueFirst { get; set; }

    /// <summary>What the embedding is made of.</summary>
    /// <value>Default <see cref="BackboneEmbedding.Last"/>.</value>
    public BackboneEmbedding Embedding { get; set; }

    /// <summary>Name of the embedding in the ONNX graph. It cannot be set with <see cref="BackboneEmbedding.Blocks"/>.</summary>
    /// <value>Default null: the input of the last linear layer. Without a linear layer, the output of the network.</value>
    public string? EmbeddingName { get; set; }

    /// <summary>Whether the embedding is averaged over positions (B x D x H x W) or over tokens (B x T x D).</summary>
    /// <value>Default false: the embedding must be B x D, or B x D x 1 x 1.</value>
    public bool IsMeanOfPositions { get; set; }

    /// <summary>
    /// Width and height, in pixels, of the image that the library checks the network with, 16 to 1024. Ignored if the file states the size.
    /// </summary>
    /// <value>Default 224.</value>
    public int ImageSize { get; set; } = 224;

    internal OnnxBackboneOptions Clone() => (OnnxBackboneOptions)MemberwiseClone();

    /// <exception cref="ArgumentException">An option has an invalid value.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Normalization);
        ArgumentOutOfRangeException.ThrowIfLessThan(ImageSize, 16, nameof(ImageSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ImageSize, LargestSide, nameof(ImageSize));
        if (!Enum.IsDefined(Embedding))
            throw new ArgumentOutOfRangeException(nameof(Embedding), Embedding, $"Give {BackboneEmbedding.Last} or {BackboneEmbedding.Blocks}.");
        if (EmbeddingName is null)
            return;
        ArgumentException.ThrowIfNullOrWhiteSpace(EmbeddingName);
        if (Embedding == BackboneEmbedding.Blocks)
            throw new ArgumentException($"The embedding is given twice. Leave out {nameof(EmbeddingName)}, or set {nameof(Embedding)} to {BackboneEmbedding.Last}.", nameof(EmbeddingName));
    }
}
