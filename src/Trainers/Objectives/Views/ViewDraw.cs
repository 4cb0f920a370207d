using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>
/// The views of a batch that a step trains on: k of the M of each image. Each view counts in the loss with a weight whose
/// expectation is 1/M, so that the expected loss is the one over all M views.
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

    /// <summary>j of each row, B*k numbers (int64), image-major.</summary>
    public Tensor Numbers { get; }

    /// <summary>k.</summary>
    public int Count => _weights.Length;

    /// <summary>Whether all views of each image are there, in their order.</summary>
    public bool IsAll { get; }

    /// <summary>All M views of B images.</summary>
    public static ViewDraw All(long images, int views, Device device)
    {
        using Tensor numbers = TensorArithmetic.Range(views, device);
        return new ViewDraw(numbers.repeat(images), Uniform(views), isAll: true);
    }

    /// <summary>k of M views for each image, drawn without replacement.</summary>
    /// <param name="images">B.</param>
    /// <param name="views">M.</param>
    /// <param name="count">k, 1 to M.</param>
    /// <param name="withIdentity">
    /// Whether the identity view is always drawn, as the first; it then weighs 1/M, and the other k - 1 weigh (M-1)/M together.
    /// Otherwise each view is as likely as any other and weighs 1/k.
    /// </param>
    /// <param name="random">What is drawn from, image by image.</param>
    /// <param name="device">Where the numbers go.</param>
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

    /// <summary>The views of given numbers, drawn as <see cref="Random"/> draws.</summary>
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

    /// <summary>The rows of the identity view, which must be the first of each image: B*k rows to B.</summary>
    public Tensor IdentityRows(Tensor rows) => rows.slice(0, 0, rows.shape[0], Count);

    public void Dispose() => Numbers.Dispose();

    private static double[] Uniform(int count) => [.. Enumerable.Repeat(1.0 / count, count)];
}
