using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>The accuracy of an embedding on classes that are given by a few images each.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The paper's term: single inference.")]
public sealed record FewShotMetrics
{
    /// <summary>N, the number of classes in an episode.</summary>
    public required int Ways { get; init; }

    /// <summary>S, the number of images that a prototype is made of.</summary>
    public required int Shots { get; init; }

    /// <summary>Q, the number of further images of a class to classify.</summary>
    public required int Queries { get; init; }

    /// <summary>Share of queries whose class is predicted, 0 to 1, from the untransformed images.</summary>
    public required EpisodeMean Single { get; init; }

    /// <summary>The same share on the same episodes, from the mean similarity over all views. With one view it equals <see cref="Single"/>.</summary>
    public required EpisodeMean Aggregated { get; init; }
}
