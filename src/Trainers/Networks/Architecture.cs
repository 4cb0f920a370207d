using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Networks;

namespace Microsoft.ML.Sla;

/// <summary>The backbone f: which network turns an image into the embedding z that the heads classify.</summary>
[JsonDerivedType(typeof(CifarResNet), "cifarResNet")]
public abstract class Architecture
{
    private protected Architecture()
    {
    }

    /// <summary>The name that logs and model metadata show, such as <c>ResNet-32</c>.</summary>
    [JsonIgnore]
    public abstract string Name { get; }

    /// <summary>Number of values of the embedding, D.</summary>
    [JsonIgnore]
    public abstract int EmbeddingSize { get; }

    /// <summary>
    /// The residual network for small images of the paper's CIFAR experiments: three stages of 16, 32 and 64 channels times
    /// <paramref name="width"/>, (depth - 2) / 6 basic blocks each, parameter-free shortcuts.
    /// </summary>
    /// <param name="depth">Number of weighted layers, 6n + 2: 8, 14, 20, 26, 32, 44, 56, 110, ... Default 32, the paper's.</param>
    /// <param name="width">Factor on the number of channels, 1 or more. Default 1.</param>
    /// <returns>The architecture, for images with sides of 16 to 64 pixels and 1 or 3 channels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Depth is not 6n + 2 with n of 1 or more, or width is below 1.</exception>
    public static Architecture CifarResNet(int depth = 32, int width = 1) => new CifarResNet(depth, width);

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Says what is wrong with a shape of images and what to do about it, or null where the network takes it.</summary>
    internal abstract string? Objection(ImageShape shape);

    /// <summary>The layers for images of a number of channels.</summary>
    internal abstract Layer Describe(int channels);
}
