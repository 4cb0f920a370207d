using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla;

/// <summary>
/// The weight w of an image in the loss, by the number of training images of its class. The loss of a batch is the weighted mean of
/// its images' losses l, sum w l / sum w.
/// </summary>
[JsonDerivedType(typeof(NoWeighting), "none")]
[JsonDerivedType(typeof(InverseFrequency), "inverseFrequency")]
[JsonDerivedType(typeof(ClassBalanced), "classBalanced")]
public abstract class ClassWeighting
{
    private protected ClassWeighting()
    {
    }

    /// <summary>The same weight for all images.</summary>
    public static ClassWeighting None { get; } = new NoWeighting();

    /// <summary>1/n_i for an image of a class of n_i images. The total weight of each class is then the same.</summary>
    public static ClassWeighting InverseFrequency { get; } = new InverseFrequency();

    /// <summary>
    /// (1 - beta) / (1 - beta^n_i) for an image of a class of n_i images (Cui et al. 2019). This is like the inverse frequency, but stops
    /// falling at about 1 / (1 - beta) images, because further images add little.
    /// </summary>
    /// <param name="beta">0 to below 1. 0 gives all images the same weight; values near 1 approach the inverse frequency. Default 0.9999.</param>
    /// <returns>The weighting.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Beta is out of its range.</exception>
    public static ClassWeighting ClassBalanced(double beta = 0.9999)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(beta);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(beta, 1);
        return new ClassBalanced(beta);
    }

    /// <summary>The name and the values, such as <c>ClassBalanced(0.9999)</c>.</summary>
    public abstract override string ToString();

    /// <summary>The weight of an image of each class; 0 for a class without images. The mean over the classes with images is 1.</summary>
    /// <param name="counts">n_i, the training images of each class.</param>
    internal double[] Weights(IReadOnlyList<int> counts)
    {
        double[] weights = [.. counts.Select(count => count == 0 ? 0 : Weight(count))];
        double mean = weights.Sum() / counts.Count(count => count > 0);
        return Array.ConvertAll(weights, weight => weight / mean);
    }

    /// <summary>The weight of an image of a class, up to a factor that all classes share.</summary>
    /// <param name="count">n_i, 1 or more.</param>
    private protected abstract double Weight(int count);
}
