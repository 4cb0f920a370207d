namespace Microsoft.ML.Sla;

/// <summary>The measure of similarity between an embedding and a prototype.</summary>
public enum PrototypeSimilarity
{
    /// <summary>Minus the squared Euclidean distance (Snell, Swersky and Zemel 2017).</summary>
    SquaredEuclidean,

    /// <summary>The cosine of the angle between them (Vinyals et al. 2016).</summary>
    Cosine,
}
