using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Objectives;

namespace Microsoft.ML.Sla;

/// <summary>
/// What an image weighs in the loss, by the number of training images of its class. The loss of a batch is the weighted mean of
/// its images' losses, sum w l / sum w.
/// </summary>
[JsonDerivedType(typeof(NoWeighting), "none")]
[JsonDerivedType(typeof(InverseFrequency), "inverseFrequency")]
[JsonDerivedType(typeof(ClassBalanced), "classBalanced")]
public abstract class ClassWeighting
{
    private protected ClassWeighting()
    {
    }

    /// <summary>All images weigh the same.</summary>
    public static ClassWeighting None { get; } = new NoWeighting();

    /// <summary>1/n_i for an image of a class of n_i images: all classes weigh the same together.</summary>
    public static ClassWeighting InverseFrequency { get; } = new InverseFrequency();

    /// <summary>
    /// (1 - beta) / (1 - beta^n_i) for an image of a class of n_i images: inverse frequency that no longer falls beyond some
    /// 1 / (1 - beta) images, as further ones show little that is new (Cui et al. 2019).
    /// </summary>
    /// <param name="beta">0 to below 1: 0 weighs all images the same, and the closer to 1, the closer to inverse frequency. Default 0.9999.</param>
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

    /// <summary>The weight of an image of each class, with a mean of 1 over the classes that have images; 0 for those that have none.</summary>
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
