using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Some of the images of a store, such as the training images of a fold.</summary>
/// <param name="store">The embeddings of their views.</param>
/// <param name="ranges">The images, as ranges of the store.</param>
internal sealed class EmbeddedImages(EmbeddingStore store, params IReadOnlyList<ImageRange> ranges)
{
    /// <summary>The embeddings of their views.</summary>
    public EmbeddingStore Store => store;

    /// <summary>The class of each image.</summary>
    public int[] Labels { get; } = [.. ranges.SelectMany(range => store.Labels[range.Start..range.End])];

    /// <summary>Number of views of an image that count: the first ones.</summary>
    public int Views { get; init; } = store.Views;

    public int Count => Labels.Length;

    /// <summary>D.</summary>
    public int Size => store.Size;

    /// <summary>The images in pieces, in order.</summary>
    public IEnumerable<ImageRange> Pieces => ranges.SelectMany(store.Pieces);

    /// <summary>The images of each class, of images that come class by class within each range.</summary>
    public IEnumerable<EmbeddedImages> Classes()
    {
        foreach (var range in ranges)
        {
            for (int start = range.Start, end = start; start < range.End; start = end)
            {
                while (end < range.End && store.Labels[end] == store.Labels[start])
                    end++;
                yield return new EmbeddedImages(store, new ImageRange(start, end - start)) { Views = Views };
            }
        }
    }

    /// <summary>The same images with their first views alone.</summary>
    public EmbeddedImages WithViews(int views) => new(store, ranges) { Views = views };

    /// <summary>The labels of a piece: B labels.</summary>
    public Tensor LabelsOf(ImageRange piece) => tensor(Array.ConvertAll(store.Labels[piece.Start..piece.End], label => (long)label));

    /// <summary>Mean and deviation of each value over the untransformed views of the images.</summary>
    public (double[] Mean, double[] Deviation) Statistics()
    {
        double[] mean = Average((value, _) => value);
        double[] variance = Average((value, i) => (value - mean[i]) * (value - mean[i]));
        return (mean, Array.ConvertAll(variance, Math.Sqrt));
    }

    /// <summary>The mean of a function of each value and its index.</summary>
    private double[] Average(Func<double, int, double> function)
    {
        double[] mean = new double[Size];
        foreach (var piece in Pieces)
        {
            using Tensor rows = store.Read(piece, views: 1);
            float[] values = rows.contiguous().data<float>().ToArray();
            for (int i = 0; i < values.Length; i++)
                mean[i % Size] += function(values[i], i % Size) / Count;
        }

        return mean;
    }
}
