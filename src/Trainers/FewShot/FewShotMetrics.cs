using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Sla;

/// <summary>The accuracy of an embedding on classes that are given by a few images each.</summary>
/// <param name="Ways">N, the number of classes in an episode.</param>
/// <param name="Shots">S, the number of images that a prototype is made of.</param>
/// <param name="Queries">Q, the number of further images of a class to classify.</param>
/// <param name="Single">Share of queries whose class is predicted, 0 to 1, from the untransformed images.</param>
/// <param name="Aggregated">
/// The same share on the same episodes, from the mean similarity over all views. With one view it equals <paramref name="Single"/>.
/// </param>
[SuppressMessage("Naming", "CA1720", Justification = "The paper's term: single inference.")]
public sealed record FewShotMetrics(int Ways, int Shots, int Queries, EpisodeMean Single, EpisodeMean Aggregated);
