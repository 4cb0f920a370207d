namespace Microsoft.ML.Sla;

/// <summary>The prediction of an <see cref="SlaPredictor"/> for an image.</summary>
public sealed class SlaPrediction
{
    private readonly IReadOnlyList<string> _classNames;
    private readonly int _best;

    internal SlaPrediction(IReadOnlyList<string> classNames, float[] score, float? confidence, IReadOnlyList<IReadOnlyList<float>> viewScores)
    {
        (_classNames, Score, ViewScores) = (classNames, score, viewScores);
        _best = score.IndexOf(score.Max());
        Confidence = confidence ?? score[_best];
    }

    /// <summary>The name of the most probable class. Of equally probable ones, the first.</summary>
    public string Label => _classNames[_best];

    /// <summary>The probability of <see cref="Label"/>, 0 to 1.</summary>
    public float Probability => Score[_best];

    /// <summary>
    /// How far the prediction can be trusted, 0 to 1: <see cref="Probability"/>. A calibrated network of joint labels (Sla and SlaSelfDistillation)
    /// lowers it for images whose views it recognises less well than those of nine tenths of the rows that were kept from the training: many images of
    /// no known class are among them (docs/evidence/unknown-images.md). Compare it with <see cref="SlaPredictor.ThresholdFor"/>. A model
    /// without the column of confidence gives the probability.
    /// </summary>
    public float Confidence { get; }

    /// <summary>The N class probabilities, in the order of <see cref="SlaPredictor.ClassNames"/>.</summary>
    public IReadOnlyList<float> Score { get; }

    /// <summary>
    /// The N class probabilities of each of the M views by itself, in the order of <see cref="SlaPredictor.Transformations"/>. Empty unless the
    /// predictor comes from <see cref="SlaPredictor.WithViewScores"/>.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<float>> ViewScores { get; }

    /// <summary>The most probable classes, the most probable first. Equally probable ones are in the order of the classes.</summary>
    /// <param name="count">How many, 1 or more. If it is above the number of classes, all.</param>
    /// <returns>The classes with their probabilities.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public IReadOnlyList<ClassProbability> Top(int count) => Top(Score, count);

    /// <summary>The most probable classes of a view by itself, the most probable first.</summary>
    /// <param name="view">The place of the view in <see cref="ViewScores"/>.</param>
    /// <param name="count">How many, 1 or more. If it is above the number of classes, all.</param>
    /// <returns>The classes with their probabilities.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such view, or the number is below 1.</exception>
    public IReadOnlyList<ClassProbability> TopOfView(int view, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(view);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(view, ViewScores.Count);
        return Top(ViewScores[view], count);
    }

    private ClassProbability[] Top(IReadOnlyList<float> score, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return [.. score.Zip(_classNames, (probability, name) => new ClassProbability(name, probability)).OrderByDescending(known => known.Probability).Take(count)];
    }
}
