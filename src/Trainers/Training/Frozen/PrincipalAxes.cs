using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// The directions in which embeddings vary most (principal components), and the change of coordinates to them and back. Linear heads on fewer
/// values take less time. The length of weights is the same in both coordinates, and with it the penalty. With all axes the heads are
/// the same too; docs/evidence/photos.md says what leaving out the last ones does.
/// </summary>
internal sealed class PrincipalAxes
{
    /// <summary>Axes with less than this share of the variance of the first one are rounding errors.</summary>
    private const double SmallestShare = 1e-7;

    private readonly int _size;
    private readonly int _count;

    /// <summary>D x k values; none to leave embeddings as they are.</summary>
    private readonly float[] _axes;

    private PrincipalAxes(int size, int count, float[] axes) => (_size, _count, _axes) = (size, count, axes);

    /// <summary>The coordinates of the embeddings themselves.</summary>
    public static PrincipalAxes None { get; } = new(0, 0, []);

    /// <summary>Finds the axes of embeddings of all views.</summary>
    /// <param name="images">The embeddings, with a mean of about zero.</param>
    /// <param name="most">Largest number of axes.</param>
    public static PrincipalAxes Of(EmbeddedImages images, int most)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor moments = zeros(images.Size, images.Size);
        foreach (var piece in images.Pieces)
        {
            using Tensor rows = images.Store.Read(piece, images.Views);
            using Tensor columns = rows.t();
            moments.addmm_(columns, rows, 1, 1);
        }

        // The variances are in ascending order.
        var (variances, axes) = linalg.eigh(moments);
        float[] found = variances.data<float>().ToArray();
        int count = Math.Clamp(found.Count(variance => variance > SmallestShare * found[^1]), 1, most);
        return new PrincipalAxes(images.Size, count, axes.slice(1, axes.shape[1] - count, axes.shape[1], 1).contiguous().data<float>().ToArray());
    }

    /// <summary>Changes embeddings to the coordinates of the axes.</summary>
    public void Project(EmbeddingStore store)
    {
        if (_axes.Length == 0)
            return;
        using Tensor ofArray = tensor(_axes, [_size, _count]), axes = ofArray.clone();
        store.Map(_count, rows => rows.mm(axes));
    }

    /// <summary>The weights K x D that do to embeddings what weights K x k do to their projections.</summary>
    public float[] Back(float[] weights)
    {
        if (_axes.Length == 0)
            return weights;
        using var scope = NewDisposeScope();
        Tensor axes = tensor(_axes, [_size, _count]).clone();
        return tensor(weights, [weights.Length / _count, _count]).clone().mm(axes.t()).contiguous().data<float>().ToArray();
    }
}
