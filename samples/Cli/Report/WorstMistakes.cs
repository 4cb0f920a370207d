using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla.Report;

/// <summary>The images that a model gets most wrong.</summary>
/// <param name="Count">How many images it gets wrong in all.</param>
/// <param name="Worst">Those with the least probability of the true class.</param>
internal sealed record WorstMistakes(int Count, IReadOnlyList<Mistake> Worst)
{
    private const int Most = 12;

    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="images">The images.</param>
    /// <param name="scored">The model's scores of them.</param>
    public static WorstMistakes Of(MLContext mlContext, SlaTransformer model, ImageSet images, ScoredImages scored)
    {
        int[] wrong = [.. Enumerable.Range(0, scored.Images.Count)
            .Where(image => !scored.IsRight(image))
            .OrderBy(image => scored.Scores[image][scored.Labels[image]])];
        return new WorstMistakes(wrong.Length, wrong.Length == 0 ? [] : LookedAt(mlContext, model, images, scored, [.. wrong.Take(Most)]));
    }

    private static List<Mistake> LookedAt(MLContext mlContext, SlaTransformer model, ImageSet set, ScoredImages scored, int[] mistakes)
    {
        using var withViewScores = model.WithViewScores();
        var files = mlContext.Data.LoadFromEnumerable(mistakes.Select(image => new ImageFile { ImagePath = scored.Images[image].ImagePath }));
        var images = Pipeline.Load(mlContext, files, model.FeatureColumnName, model.ImageShape.Width);
        float[][] viewScores = [.. withViewScores.Transform(images).GetColumn<float[]>("ViewScores")];
        var pictures = Pictures.Of(mlContext, model, images);
        return [.. mistakes.Select((image, i) => new Mistake(
            scored.Images[image].Label,
            Path.GetRelativePath(set.Folder, scored.Images[image].ImagePath),
            pictures[i].Upright,
            scored.Scores[image][scored.Labels[image]],
            NamedProbability.Largest(scored.Scores[image], model.ClassNames),
            [.. pictures[i].Views.Select((picture, j) => new SeenView(
                model.Transformations[j].Name, picture, NamedProbability.Largest(viewScores[i].AsSpan(j * model.ClassNames.Count, model.ClassNames.Count), model.ClassNames)))]))];
    }
}

/// <summary>An image whose class was not predicted, with its views.</summary>
/// <param name="Label">Its class.</param>
/// <param name="File">Its path from the folder of the images.</param>
/// <param name="Picture">The image upright, as a data address.</param>
/// <param name="Probability">The probability of its class.</param>
/// <param name="Predicted">The class that was predicted.</param>
/// <param name="Views">The M views.</param>
internal sealed record Mistake(string Label, string File, string Picture, double Probability, NamedProbability Predicted, IReadOnlyList<SeenView> Views);

/// <summary>A view of an image, and its prediction.</summary>
/// <param name="Transformation">Name of the transformation.</param>
/// <param name="Picture">The view as a data address.</param>
/// <param name="Says">The most probable class.</param>
internal sealed record SeenView(string Transformation, string Picture, NamedProbability Says);

/// <summary>A class and its probability.</summary>
internal sealed record NamedProbability(string Name, double Probability)
{
    public static NamedProbability Largest(ReadOnlySpan<float> scores, IReadOnlyList<string> names)
    {
        int largest = System.Numerics.Tensors.TensorPrimitives.IndexOfMax(scores);
        return new NamedProbability(names[largest], scores[largest]);
    }
}
