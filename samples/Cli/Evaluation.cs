using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>What a model gets right of labelled images.</summary>
/// <param name="Inference">How the model scored.</param>
/// <param name="Images">Number of images.</param>
/// <param name="Accuracy">Share of the images whose class is predicted.</param>
/// <param name="MacroAccuracy">Mean over the classes that occur of the share that is predicted.</param>
/// <param name="LogLoss">Mean negative logarithm of the probability of the true class, in nats.</param>
/// <param name="ImagesPerSecond">Images read, decoded and scored in a second.</param>
/// <param name="PerClass">The classes, in the model's order.</param>
internal sealed record Evaluation(
    string Inference, int Images, double Accuracy, double MacroAccuracy, double LogLoss, double ImagesPerSecond, IReadOnlyList<ClassEvaluation> PerClass)
{
    /// <exception cref="InputException">An image cannot be read.</exception>
    public static Evaluation Of(MLContext mlContext, SlaTransformer model, ImageSet images)
    {
        var rows = Pipeline.Load(
            mlContext, Pipeline.Key(mlContext, images.View(mlContext), model.ClassNames), model.FeatureColumnName, model.ImageShape.Width);
        var scored = mlContext.Data.Cache(model.Transform(rows), "Label", "Score", "PredictedLabel");
        var clock = Stopwatch.StartNew();
        int count = Failure.AsInput(() => scored.GetColumn<uint>("PredictedLabel").Count());
        double seconds = clock.Elapsed.TotalSeconds;

        var metrics = mlContext.MulticlassClassification.Evaluate(scored);
        uint[] labels = [.. scored.GetColumn<uint>("Label")];
        uint[] predicted = [.. scored.GetColumn<uint>("PredictedLabel")];
        var classes = model.ClassNames.Select((name, i) => ClassEvaluation.Of(name, (uint)i + 1, labels, predicted)).ToList();
        return new Evaluation(
            model.Inference.ToString(), count, metrics.MicroAccuracy, metrics.MacroAccuracy, metrics.LogLoss, Math.Round(count / seconds, 1), classes);
    }
}

/// <summary>A class of an evaluation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Images">Number of its images.</param>
/// <param name="Precision">Share of the images predicted to be of it that are; null where there are none.</param>
/// <param name="Recall">Share of its images that are predicted to be of it; null where there are none.</param>
/// <param name="F1">Harmonic mean of the two; null where it has no images.</param>
internal sealed record ClassEvaluation(string Name, int Images, double? Precision, double? Recall, double? F1)
{
    public static ClassEvaluation Of(string name, uint key, uint[] labels, uint[] predicted)
    {
        int images = labels.Count(label => label == key);
        int claimed = predicted.Count(label => label == key);
        int right = labels.Zip(predicted).Count(pair => pair.First == key && pair.Second == key);
        return new ClassEvaluation(
            name, images, Share(right, claimed), Share(right, images), images == 0 ? null : 2.0 * right / (images + claimed));
    }

    private static double? Share(int part, int whole) => whole == 0 ? null : (double)part / whole;
}
