using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>How well an embedding tells classes apart that it learns from a few images each.</summary>
/// <param name="Ways">N, classes in an episode.</param>
/// <param name="Shots">S, images of a class that its prototype is made of.</param>
/// <param name="Queries">Q, further images of a class that are classified.</param>
/// <param name="Single">Share of queries whose class is predicted, 0 to 1, from the images as they are.</param>
/// <param name="Aggregated">
/// The same on the same episodes, from the mean similarity over all views; equal to <paramref name="Single"/> where there is one view.
/// </param>
[SuppressMessage("Naming", "CA1720", Justification = "The paper's term: single inference.")]
public sealed record FewShotMetrics(int Ways, int Shots, int Queries, EpisodeMean Single, EpisodeMean Aggregated);
