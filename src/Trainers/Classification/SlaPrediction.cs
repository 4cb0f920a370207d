namespace Microsoft.ML.Sla;

/// <summary>The prediction of an <see cref="SlaPredictor"/> for an image.</summary>
/// <param name="Score">The N class probabilities, in the order of <see cref="SlaPredictor.ClassNames"/>.</param>
/// <param name="ViewScores">
/// The N class probabilities of each of the M views by itself, in the order of <see cref="SlaPredictor.Transformations"/>. Empty unless the
/// predictor comes from <see cref="SlaPredictor.WithViewScores"/>.
/// </param>
public sealed record SlaPrediction(IReadOnlyList<float> Score, IReadOnlyList<IReadOnlyList<float>> ViewScores);
