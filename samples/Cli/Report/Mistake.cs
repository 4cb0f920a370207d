using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla.Report;

/// <summary>An image whose class was not predicted, with what the network saw of it.</summary>
/// <param name="Image">The file and its class.</param>
/// <param name="Picture">The image upright, as a data address.</param>
/// <param name="Label">The probability of its class.</param>
/// <param name="Predicted">The class that was predicted.</param>
/// <param name="Views">The M views.</param>
internal sealed record Mistake(LabelledImage Image, string Picture, double Label, NamedProbability Predicted, IReadOnlyList<SeenView> Views)
{
    /// <summary>The mistakes with the least probability of the true class.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="scored">What it says of images.</param>
    /// <param name="count">How many at most.</param>
    public static IReadOnlyList<Mistake> Worst(MLContext mlContext, SlaTransformer model, ScoredImages scored, int count)
    {
        int[] worst = [.. Enumerable.Range(0, scored.Images.Count)
            .Where(image => !scored.IsRight(image))
            .OrderBy(image => scored.Scores[image][scored.Labels[image]])
            .Take(count)];
        if (worst.Length == 0)
            return [];

        using var withViewScores = model.WithViewScores();
        var files = mlContext.Data.LoadFromEnumerable(worst.Select(image => new ImageFile { ImagePath = scored.Images[image].ImagePath }));
        var images = Pipeline.Load(mlContext, files, model.FeatureColumnName, model.ImageShape.Width);
        float[][] viewScores = [.. withViewScores.Transform(images).GetColumn<float[]>("ViewScores")];
        var pictures = Pictures.Of(mlContext, model, images);
        return [.. worst.Select((image, i) => new Mistake(
            scored.Images[image],
            pictures[i].Upright,
            scored.Scores[image][scored.Labels[image]],
            NamedProbability.Largest(scored.Scores[image], model.ClassNames),
            [.. pictures[i].Views.Select((picture, j) => new SeenView(
                model.Transformations[j].Name, picture, NamedProbability.Largest(viewScores[i].AsSpan(j * model.ClassNames.Count, model.ClassNames.Count), model.ClassNames)))]))];
    }
}

/// <summary>A view of an image, and what the network says of it.</summary>
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
