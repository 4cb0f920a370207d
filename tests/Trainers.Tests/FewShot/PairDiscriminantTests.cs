using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Training.Frozen;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The discriminant of pairs of class and view, against its definition (docs/method.md, few images).</summary>
public sealed class PairDiscriminantTests : IDisposable
{
    private const int Classes = 5;
    private const int OfClass = 6;
    private const int Views = 2;
    private const int Size = 4;

    private readonly DisposeScope _scope;

    public PairDiscriminantTests()
    {
        TorchLibrary.EnsureLoaded();
        _scope = NewDisposeScope();
    }

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Without_roundness_and_with_full_evenness_the_variance_within_the_pairs_is_the_same_in_all_directions()
    {
        using var store = Store();
        using var discriminant = PairDiscriminant.Of(store.All);
        using var directions = discriminant.Directions(roundness: 0);
        Tensor map = directions.Map(evenness: 1).to(float64);
        Tensor mapped = map.mm(Within(store)).mm(map.t());
        Tensor mean = mapped.diagonal().mean();
        double largest = ((mapped / mean) - eye(Size, dtype: float64)).abs().max().item<double>();
        Assert.True(largest < 1e-4, $"{largest}");
    }

    /// <summary>The covariance around the mean of each pair of class and view.</summary>
    private static Tensor Within(EmbeddingStore store)
    {
        Tensor rows = tensor(Embeddings.Values(store).SelectMany(values => values).ToArray()).to(float64).view(Classes, OfClass, Views, Size);
        Tensor deviations = (rows - rows.mean([1L], keepdim: true)).view(-1, Size);
        return deviations.t().mm(deviations);
    }

    /// <summary>Images of noise around a point for each pair, class by class.</summary>
    private static EmbeddingStore Store()
    {
        int[] labels = [.. Enumerable.Range(0, Classes * OfClass).Select(image => image / OfClass)];
        return Embeddings.Store(
            labels,
            [.. labels.Select((label, image) => Enumerable.Range(0, Views * Size).Select(i =>
                (float)((3 * VectorFile.Number(70 + label, i)) + ((1 + (i % Size)) * VectorFile.Number(80, (image * Views * Size) + i)))).ToArray())],
            Views);
    }
}
