using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla.Report;

/// <summary>How well a model predicts labelled images, and its mistakes.</summary>
/// <param name="Source">The folder or list of the images.</param>
/// <param name="Inferences">How well the model does in each way to predict, its own first.</param>
/// <param name="Confusions">The classes that its own way confuses.</param>
/// <param name="Mistakes">The images that its own way gets wrong.</param>
internal sealed record MeasuredImages(string Source, IReadOnlyList<MeasuredInference> Inferences, Confusions Confusions, WorstMistakes Mistakes)
{
    /// <summary>Scores images in every way that the model defines.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="images">The images.</param>
    /// <param name="scored">The model's scores of them.</param>
    /// <param name="cancellationToken">Ends the scoring.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static MeasuredImages Of(MLContext mlContext, SlaTransformer model, ImageSet images, ScoredImages scored, CancellationToken cancellationToken)
    {
        ScoredImages[] all = [scored, .. InOtherWays(mlContext, model, images, cancellationToken)];
        return new MeasuredImages(
            images.Source,
            [.. all.Select(way => MeasuredInference.Of(way, model.ClassNames))],
            new Confusions(model.ClassNames, scored.Metrics.ConfusionMatrix.Counts),
            WorstMistakes.Of(mlContext, model, images, scored));
    }

    private static IEnumerable<ScoredImages> InOtherWays(MLContext mlContext, SlaTransformer model, ImageSet images, CancellationToken cancellationToken)
    {
        foreach (var inference in model.Inferences.Where(inference => inference != model.Inference))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var other = model.WithInference(inference);
            yield return ScoredImages.Of(mlContext, other, images);
        }
    }
}

/// <summary>How well a model does in one way to predict.</summary>
/// <param name="Evaluation">Its accuracy, loss and speed.</param>
/// <param name="Calibration">Whether its probabilities can be relied on.</param>
internal sealed record MeasuredInference(Evaluation Evaluation, Calibration Calibration)
{
    /// <summary>The inference in lower case.</summary>
    public string Name => Evaluation.Inference.ToLowerInvariant();

    /// <summary>Half the width of the 95 % interval of the accuracy (Wilson 1927).</summary>
    public double HalfWidth
    {
        get
        {
            const double Z = 1.96;
            double share = Evaluation.Accuracy, count = Evaluation.Images;
            return Z / (1 + (Z * Z / count)) * Math.Sqrt((share * (1 - share) / count) + (Z * Z / (4 * count * count)));
        }
    }

    public static MeasuredInference Of(ScoredImages scored, IReadOnlyList<string> classNames) =>
        new(Evaluation.Of(scored, classNames), Calibration.Of(scored));
}
