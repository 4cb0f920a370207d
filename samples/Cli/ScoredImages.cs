using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>Labelled images, and the scores that a model gives them.</summary>
/// <param name="Inference">How the model scored.</param>
/// <param name="Images">The images.</param>
/// <param name="Labels">The number of each image's class among the model's.</param>
/// <param name="Scores">The N class probabilities of each image.</param>
/// <param name="Metrics">The metrics that ML.NET's evaluator computes.</param>
/// <param name="ImagesPerSecond">Images read, decoded and scored in a second, once the model is open.</param>
internal sealed record ScoredImages(
    SlaInference Inference, IReadOnlyList<LabelledImage> Images, int[] Labels, float[][] Scores, MulticlassClassificationMetrics Metrics, double ImagesPerSecond)
{
    /// <summary>The column of confidence.</summary>
    public const string ConfidenceColumn = "Confidence";

    /// <summary>How far each prediction can be trusted; empty where the model was not asked.</summary>
    public float[] Confidences { get; private init; } = [];

    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="images">The images.</param>
    /// <param name="hasConfidence">Whether the model has the column of confidence, and it is read.</param>
    /// <exception cref="InputException">An image cannot be read, or the model's probabilities of one are no numbers.</exception>
    public static ScoredImages Of(MLContext mlContext, SlaTransformer model, ImageSet images, bool hasConfidence = false)
    {
        var rows = Pipeline.LoadLabelled(mlContext, images, model.ClassNames, model.FeatureColumnName, model.ImageShape.Width);
        var scored = mlContext.Data.Cache(model.Transform(rows), ["Label", "Score", "PredictedLabel", .. hasConfidence ? [ConfidenceColumn] : Array.Empty<string>()]);
        return Failure.AsInput(() =>
        {
            _ = model.Transform(mlContext.Data.TakeRows(rows, 1)).GetColumn<float[]>("Score").Count();
            var clock = Stopwatch.StartNew();
            float[][] scores = [.. scored.GetColumn<float[]>("Score")];
            double seconds = clock.Elapsed.TotalSeconds;
            if (Array.FindIndex(scores, row => !row.All(float.IsFinite)) is >= 0 and var broken)
                throw new InputException($"The model's probabilities of '{images.Images[broken].ImagePath}' are not numbers. Train it again with a lower learning rate.");
            int[] labels = [.. scored.GetColumn<uint>("Label").Select(key => (int)key - 1)];
            return new ScoredImages(
                model.Inference, images.Images, labels, scores, mlContext.MulticlassClassification.Evaluate(scored), Math.Round(scores.Length / seconds, 1))
            {
                Confidences = hasConfidence ? [.. scored.GetColumn<float[]>(ConfidenceColumn).Select(value => value[0])] : [],
            };
        });
    }

    /// <summary>The number of the class that is predicted of an image.</summary>
    public int Predicted(int image) => Array.IndexOf(Scores[image], Scores[image].Max());

    /// <summary>Whether it is the class of the image.</summary>
    public bool IsRight(int image) => Predicted(image) == Labels[image];
}
