using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Labelled images as the embeddings of their views. Each form of an image, such as the mirrored one, is an image of its own.</summary>
/// <param name="Labels">The class of each image.</param>
/// <param name="Values">M x D values of each image.</param>
/// <param name="Views">M.</param>
/// <param name="Size">D.</param>
internal sealed record EmbeddedImages(int[] Labels, float[][] Values, int Views, int Size)
{
    public int Count => Labels.Length;

    /// <summary>Some of the images.</summary>
    public EmbeddedImages Select(IReadOnlyCollection<int> numbers) => this with
    {
        Labels = [.. numbers.Select(number => Labels[number])],
        Values = [.. numbers.Select(number => Values[number])],
    };

    /// <summary>The embeddings and labels of images: B*k x D, image by image, and B.</summary>
    /// <param name="start">Number of the first image.</param>
    /// <param name="count">B.</param>
    /// <param name="views">k: all M views, or the untransformed image alone.</param>
    public (Tensor Embeddings, Tensor Labels) Batch(int start, int count, int views)
    {
        float[] values = new float[(long)count * views * Size];
        for (int image = 0; image < count; image++)
            Values[start + image].AsSpan(0, views * Size).CopyTo(values.AsSpan(image * views * Size));

        // A tensor made of an array has the alignment of the array, and the last bits of MKL's sums depend on the alignment.
        using Tensor ofArray = tensor(values, [(long)count * views, Size]);
        return (ofArray.clone(), tensor(Array.ConvertAll(Labels[start..(start + count)], label => (long)label)));
    }

    /// <summary>Mean and deviation of each value over the untransformed images.</summary>
    public (double[] Mean, double[] Deviation) Statistics()
    {
        double[] mean = new double[Size], squares = new double[Size];
        foreach (float[] values in Values)
        {
            for (int i = 0; i < Size; i++)
                mean[i] += values[i] / (double)Count;
        }

        foreach (float[] values in Values)
        {
            for (int i = 0; i < Size; i++)
                squares[i] += (values[i] - mean[i]) * (values[i] - mean[i]) / Count;
        }

        return (mean, Array.ConvertAll(squares, Math.Sqrt));
    }

    /// <summary>Multiplies each value of an embedding by a factor and adds a term.</summary>
    public EmbeddedImages Transformed(float[] scale, float[] shift) => this with
    {
        Values = Array.ConvertAll(Values, values =>
        {
            float[] transformed = new float[values.Length];
            for (int i = 0; i < values.Length; i++)
                transformed[i] = (values[i] * scale[i % Size]) + shift[i % Size];
            return transformed;
        }),
    };
}
