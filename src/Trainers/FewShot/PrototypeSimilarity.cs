namespace Microsoft.ML.Sla;

/// <summary>How near an embedding is to a prototype.</summary>
public enum PrototypeSimilarity
{
    /// <summary>Minus the squared Euclidean distance (Snell, Swersky and Zemel 2017).</summary>
    SquaredEuclidean,

    /// <summary>The cosine of the angle between them (Vinyals et al. 2016).</summary>
    Cosine,
}
