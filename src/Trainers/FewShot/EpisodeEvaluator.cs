using System.Numerics.Tensors;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>Classifies the queries of many episodes by the nearest prototype. Each image was embedded once, before.</summary>
/// <param name="rows">The class and the M*D values of each image.</param>
/// <param name="views">M.</param>
/// <param name="similarity">The measure of similarity between an embedding and a prototype.</param>
internal sealed class EpisodeEvaluator(IReadOnlyList<(int Label, float[] Values)> rows, int views, PrototypeSimilarity similarity)
{
    private readonly int _embeddingSize = rows[0].Values.Length / views;

    /// <summary>Measures episodes. The seed and the labels of the rows determine the episodes.</summary>
    public FewShotMetrics Measure(EpisodeShape shape, int episodes, int seed)
    {
        var draw = new EpisodeDraw(shape, rows.Select((row, number) => (number, row.Label)));
        var single = new double[episodes];
        var aggregated = new double[episodes];
        for (int episode = 0; episode < episodes; episode++)
            (single[episode], aggregated[episode]) = Measure(shape, draw.Next(Seeds.ForStep(seed, episode)));
        return new FewShotMetrics { Ways = shape.Ways, Shots = shape.Shots, Queries = shape.Queries, Single = new EpisodeMean(single), Aggregated = new EpisodeMean(aggregated) };
    }

    /// <summary>The share of queries whose nearest prototype is that of their own way.</summary>
    private (double Single, double Aggregated) Measure(EpisodeShape shape, int[] episode)
    {
        float[][] prototypes = [.. Enumerable.Range(0, shape.Ways).Select(way => EmbeddedRows.Mean(
            [.. episode.Skip(way * shape.ImagesPerWay).Take(shape.Shots).Select(row => rows[row].Values)]))];
        int single = 0;
        int aggregated = 0;
        for (int way = 0; way < shape.Ways; way++)
        {
            for (int image = shape.Shots; image < shape.ImagesPerWay; image++)
            {
                float[] query = rows[episode[(way * shape.ImagesPerWay) + image]].Values;
                single += Nearest(query, prototypes, viewsCompared: 1) == way ? 1 : 0;
                aggregated += Nearest(query, prototypes, views) == way ? 1 : 0;
            }
        }

        double queries = shape.Ways * shape.Queries;
        return (single / queries, aggregated / queries);
    }

    private int Nearest(float[] query, float[][] prototypes, int viewsCompared)
    {
        int nearest = 0;
        double largest = double.NegativeInfinity;
        for (int way = 0; way < prototypes.Length; way++)
        {
            double sum = 0;
            for (int view = 0; view < viewsCompared; view++)
                sum += Similarity(OfView(query, view), OfView(prototypes[way], view));
            if (sum > largest)
                (nearest, largest) = (way, sum);
        }

        return nearest;
    }

    private ReadOnlySpan<float> OfView(float[] values, int view) => values.AsSpan(view * _embeddingSize, _embeddingSize);

    private double Similarity(ReadOnlySpan<float> query, ReadOnlySpan<float> prototype)
    {
        if (similarity == PrototypeSimilarity.SquaredEuclidean)
            return -Math.Pow(TensorPrimitives.Distance(query, prototype), 2);

        return TensorPrimitives.Dot(query, prototype)
            / Math.Max(TensorPrimitives.Norm(query), PrototypicalObjective.SmallestNorm)
            / Math.Max(TensorPrimitives.Norm(prototype), PrototypicalObjective.SmallestNorm);
    }
}
