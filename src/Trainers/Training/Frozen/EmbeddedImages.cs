using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Some of the images of a store, such as the training images of a fold.</summary>
/// <param name="Store">The embeddings of their views.</param>
/// <param name="Ranges">The images, as ranges of the store.</param>
internal sealed record EmbeddedImages(EmbeddingStore Store, params IReadOnlyList<ImageRange> Ranges)
{
    /// <summary>The class of each image.</summary>
    public int[] Labels { get; } = [.. Ranges.SelectMany(range => Store.Labels[range.Start..range.End])];

    /// <summary>Number of views of an image that count: the first ones.</summary>
    public int Views { get; init; } = Store.Views;

    public int Count => Labels.Length;

    /// <summary>D.</summary>
    public int Size => Store.Size;

    /// <summary>The images in pieces, in order.</summary>
    public IEnumerable<ImageRange> Pieces => Ranges.SelectMany(Store.Pieces);

    /// <summary>The images of each class, of images that come class by class within each range.</summary>
    public IEnumerable<EmbeddedImages> Classes()
    {
        foreach (var range in Ranges)
        {
            for (int start = range.Start, end = start; start < range.End; start = end)
            {
                while (end < range.End && Store.Labels[end] == Store.Labels[start])
                    end++;
                yield return this with { Ranges = [new ImageRange(start, end - start)] };
            }
        }
    }

    /// <summary>The labels of a piece: B labels.</summary>
    public Tensor LabelsOf(ImageRange piece) => tensor(Array.ConvertAll(Store.Labels[piece.Start..piece.End], label => (long)label));

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
            using Tensor rows = Store.Read(piece, views: 1);
            float[] values = rows.contiguous().data<float>().ToArray();
            for (int i = 0; i < values.Length; i++)
                mean[i % Size] += function(values[i], i % Size) / Count;
        }

        return mean;
    }
}
