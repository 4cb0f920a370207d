using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>
/// The views of a batch that a step trains on: k of the M views of each image. Each view has a weight in the loss. Its expectation is
/// 1/M, so that the expected loss is that over all M views.
/// </summary>
internal sealed class ViewDraw : IDisposable
{
    private readonly double[] _weights;

    private ViewDraw(Tensor numbers, double[] weights, bool isAll)
    {
        Numbers = numbers;
        _weights = weights;
        IsAll = isAll;
    }

    /// <summary>The view number j of each row, B*k numbers (int64), image-major.</summary>
    public Tensor Numbers { get; }

    /// <summary>k, the number of views of each image.</summary>
    public int Count => _weights.Length;

    /// <summary>Whether all M views of each image are drawn, in order.</summary>
    public bool IsAll { get; }

    /// <summary>All M views of B images.</summary>
    public static ViewDraw All(long images, int views, Device device)
    {
        using Tensor numbers = TensorArithmetic.Range(views, device);
        return new ViewDraw(numbers.repeat(images), Uniform(views), isAll: true);
    }

    /// <summary>Draws k of M views for each image, without replacement.</summary>
    /// <param name="images">B.</param>
    /// <param name="views">M.</param>
    /// <param name="count">k, 1 to M.</param>
    /// <param name="withIdentity">
    /// Whether the identity view is always drawn, as the first. It then has the weight 1/M, and the other k - 1 views share the weight
    /// (M-1)/M. Otherwise all views are equally likely and have the weight 1/k.
    /// </param>
    /// <param name="random">The source of random numbers, used image by image.</param>
    /// <param name="device">The device of the view numbers.</param>
    public static ViewDraw Random(int images, int views, int count, bool withIdentity, Random random, Device device)
    {
        if (count == views)
            return All(images, views, device);

        int kept = withIdentity ? 1 : 0;
        long[] order = [.. Enumerable.Range(0, views).Select(j => (long)j)];
        var numbers = new long[images * count];
        for (int image = 0; image < images; image++)
        {
            random.Shuffle(order.AsSpan(kept));
            order.AsSpan(0, count).CopyTo(numbers.AsSpan(image * count));
        }

        return Of(numbers, images, views, withIdentity, device);
    }

    /// <summary>A draw with given view numbers, weighted as <see cref="Random"/> weights them.</summary>
    public static ViewDraw Of(long[] numbers, int images, int views, bool withIdentity, Device device)
    {
        int count = numbers.Length / images;
        double[] weights = withIdentity
            ? [1.0 / views, .. Enumerable.Repeat((views - 1.0) / views / (count - 1), count - 1)]
            : Uniform(count);
        return new ViewDraw(tensor(numbers, device: device), weights, isAll: false);
    }

    /// <summary>sum_j w_j values_j: B*k rows to B.</summary>
    public Tensor WeightedSum(Tensor rows)
    {
        using Tensor weights = tensor(_weights, [Count, .. Enumerable.Repeat(1L, (int)rows.dim() - 1)], dtype: rows.dtype, device: rows.device);
        using Tensor images = rows.view([-1, Count, .. rows.shape[1..]]);
        using Tensor weighted = images * weights;
        return weighted.sum(1);
    }

    /// <summary>The rows of the identity view: B*k rows to B. The identity view must be the first of each image.</summary>
    public Tensor IdentityRows(Tensor rows) => rows.slice(0, 0, rows.shape[0], Count);

    public void Dispose() => Numbers.Dispose();

    private static double[] Uniform(int count) => [.. Enumerable.Repeat(1.0 / count, count)];
}
