namespace Microsoft.ML.Sla;

/// <summary>What <see cref="SlaPredictor"/> says of an image.</summary>
/// <param name="Score">The N class probabilities, in the order of <see cref="SlaPredictor.ClassNames"/>.</param>
/// <param name="ViewScores">
/// The N class probabilities of each of the M views by itself, in the order of <see cref="SlaPredictor.Transformations"/>; empty where
/// they were not asked for (<see cref="SlaPredictor.WithViewScores"/>).
/// </param>
public sealed record SlaPrediction(IReadOnlyList<float> Score, IReadOnlyList<IReadOnlyList<float>> ViewScores);
