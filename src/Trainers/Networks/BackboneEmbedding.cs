namespace Microsoft.ML.Sla;

/// <summary>What the embedding of a pretrained network is made of.</summary>
public enum BackboneEmbedding
{
    /// <summary>The input of the last linear layer, as the network was trained.</summary>
    Last,

    /// <summary>
    /// The outputs of the residual blocks of the last two image resolutions, at most 4,096 values in all. Each value is the root of the root
    /// mean square of a channel over the positions. Classes that the network was not trained for often differ in patterns that the last layer
    /// leaves out, and these values cost no further pass. A network without residual blocks, such as a vision transformer, has
    /// <see cref="Last"/>.
    /// </summary>
    Blocks,
}
