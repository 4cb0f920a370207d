using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Training.Frozen;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// Fisher's linear discriminant of embeddings (Fisher 1936), where each pair of class and view is a class. It makes linear maps under which the
/// images of a pair lie close together, and the means of the pairs far apart. Two settings say how far a map follows the images it is made of,
/// because other classes differ from them (Friedman 1989).
/// </summary>
internal sealed class PairDiscriminant : IDisposable
{
    /// <summary>The smallest number that a mean of variances is divided by.</summary>
    private const double SmallestVariance = 1e-12;

    private readonly Tensor _moments;
    private readonly Tensor _means;
    private readonly Tensor _directions;
    private readonly double[] _variances;

    private PairDiscriminant(Tensor moments, Tensor means, Tensor directions, double[] variances) =>
        (_moments, _means, _directions, _variances) = (moments, means, directions, variances);

    /// <summary>Measures the variances within the pairs, and their means.</summary>
    /// <param name="images">Embeddings of D values, with a mean of about zero, class by class.</param>
    public static PairDiscriminant Of(EmbeddedImages images)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor moments = zeros([images.Size, images.Size], float64), within = zeros([images.Size, images.Size], float64);
        var ofClasses = new List<Tensor>();
        foreach (var ofClass in images.Classes())
        {
            Tensor mean = zeros([images.Views, images.Size], float64);
            ForEachPiece(ofClass, views =>
            {
                mean.Add(views.sum([0L]).Over(ofClass.Count));
                Tensor untransformed = views.select(1, 0);
                moments.addmm_(untransformed.t(), untransformed, 1, 1);
            });
            ForEachPiece(ofClass, views =>
            {
                Tensor deviations = (views - mean).flatten(0, 1);
                within.addmm_(deviations.t(), deviations, 1, 1);
            });
            ofClasses.Add(mean);
        }

        using Tensor means = cat(ofClasses);
        var (variances, directions) = linalg.eigh(within);
        return new PairDiscriminant(
            moments.Over(images.Count).DetachFromDisposeScope(),
            (means - means.mean([0L])).DetachFromDisposeScope(),
            directions.contiguous().DetachFromDisposeScope(),
            [.. variances.data<double>().Select(variance => Math.Max(0, variance))]);
    }

    /// <summary>Divides the directions by their variance within the pairs, and turns them to those in which the means of the pairs vary.</summary>
    /// <param name="roundness">The share of a variance that is replaced by the mean of all, 0 to 1. With 1 embeddings are turned alone.</param>
    /// <returns>The directions. The caller disposes them.</returns>
    public MapDirections Directions(double roundness)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double mean = Math.Max(SmallestVariance, _variances.Average());
        Tensor factors = tensor(Array.ConvertAll(_variances, variance => 1 / Math.Sqrt(((1 - roundness) * variance / mean) + roundness))).clone();
        Tensor rounded = _directions * factors;
        Tensor means = _means.mm(rounded);
        var (between, turned) = linalg.eigh(means.t().mm(means).Over(means.shape[0]));
        return new MapDirections(
            rounded.mm(turned).DetachFromDisposeScope(), [.. between.data<double>().Select(variance => Math.Max(0, variance))], _moments.alias().DetachFromDisposeScope());
    }

    /// <summary>Reads images as B x M x D values, piece by piece.</summary>
    private static void ForEachPiece(EmbeddedImages images, Action<Tensor> action)
    {
        foreach (var piece in images.Pieces)
        {
            using var scope = NewDisposeScope();
            action(images.Store.Read(piece, images.Views).to(float64).view(piece.Count, images.Views, images.Size));
        }
    }

    public void Dispose()
    {
        _moments.Dispose();
        _means.Dispose();
        _directions.Dispose();
    }
}

/// <summary>Directions of embeddings, in the ascending order of the variance of the pairs' means.</summary>
/// <param name="axes">The directions as columns, D x D.</param>
/// <param name="between">The variance of the pairs' means in each.</param>
/// <param name="moments">The second moments of untransformed images, D x D.</param>
internal sealed class MapDirections(Tensor axes, double[] between, Tensor moments) : IDisposable
{
    /// <summary>A direction with a smaller share of the largest weight is left out.</summary>
    private const double SmallestWeight = 1e-3;

    /// <summary>Makes the map that weights each direction by how much the means of the pairs vary in it.</summary>
    /// <param name="evenness">The share of the weights that is the same for all directions, 0 to 1.</param>
    /// <returns>K x D values. The untransformed images it is made of have a mean squared length of 1. The caller disposes it.</returns>
    public Tensor Map(double evenness)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double mean = between.Average();
        double[] weights = Array.ConvertAll(between, variance => Math.Sqrt(((1 - evenness) * Share(variance, mean)) + evenness));
        int first = Array.FindIndex(weights, weight => weight >= SmallestWeight * weights[^1]);
        Tensor map = axes.slice(1, first, weights.Length, 1) * tensor(weights[first..]).clone();
        using Tensor squaredLength = (map * moments.mm(map)).sum();
        return map.Over(Math.Sqrt(squaredLength.item<double>())).t().to(float32).contiguous().MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        axes.Dispose();
        moments.Dispose();
    }

    /// <summary>The weight of a direction whose variance is the mean of all is a half.</summary>
    private static double Share(double variance, double mean) => mean > 0 ? variance / (variance + mean) : 1;
}
