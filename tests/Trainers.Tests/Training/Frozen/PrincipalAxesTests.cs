using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Principal axes: lengths and angles stay, and heads on them are the heads on the embeddings.</summary>
public sealed class PrincipalAxesTests
{
    private const int Size = 8;
    private const int Views = 2;

    public PrincipalAxesTests() => TorchLibrary.EnsureLoaded();

    [Theory]
    [InlineData(40)]
    [InlineData(1100)]
    [InlineData(5)]
    public void All_axes_keep_the_products_of_embeddings(int count)
    {
        using var store = Store(Values(count));
        float[][] values = Embeddings.Values(store);
        PrincipalAxes.Of(store.All, Size).Project(store);
        float[][] projected = Embeddings.Values(store);
        Assert.Equal(Math.Min(Size, Views * count), store.Size);
        foreach (var (i, j) in new[] { (0, 0), (0, count - 1), (1, 2) })
            Assert.Equal(Product(values[i], values[j]), Product(projected[i], projected[j]), 1e-3);
    }

    [Fact]
    public void The_first_axes_carry_the_most()
    {
        // Values 0 and 1 vary ten times as much as the others.
        float[][] values = [.. Values(200).Select(values => values.Select((value, i) => i % Size < 2 ? 10 * value : value).ToArray())];
        using var store = Store(values);
        PrincipalAxes.Of(store.All, 2).Project(store);
        Assert.Equal(2, store.Size);
        double kept = Embeddings.Values(store).Sum(values => Product(values, values)) / values.Sum(values => Product(values, values));
        Assert.InRange(kept, 0.95, 1);
    }

    [Fact]
    public void Weights_on_axes_are_weights_on_embeddings()
    {
        using var store = Store(Values(50));
        float[] embedding = Embeddings.Values(store)[7][..Size];
        var axes = PrincipalAxes.Of(store.All, 5);
        axes.Project(store);
        float[] projected = Embeddings.Values(store)[7][..5];
        float[] weights = [.. Enumerable.Range(0, 3 * 5).Select(i => (float)VectorFile.Number(60, i))];
        float[] back = axes.Back(weights);
        Assert.Equal(3 * Size, back.Length);
        for (int output = 0; output < 3; output++)
            Assert.Equal(Product(weights[(output * 5)..((output + 1) * 5)], projected), Product(back[(output * Size)..((output + 1) * Size)], embedding), 1e-4);
    }

    [Fact]
    public void Without_axes_nothing_changes()
    {
        using var store = Store(Values(5));
        PrincipalAxes.None.Project(store);
        Assert.Equal(Values(5), Embeddings.Values(store));
        Assert.Equal(Values(1)[0], PrincipalAxes.None.Back(Values(1)[0]));
    }

    [Fact]
    public void Heads_on_all_axes_are_the_heads_on_the_embeddings()
    {
        using var store = Store(Values(90));
        var axes = PrincipalAxes.Of(store.All, Size);
        float[] direct = Solve(store.All);
        axes.Project(store);
        float[] onAxes = axes.Back(Solve(store.All));
        foreach (var (want, have) in direct.Zip(onAxes))
            Assert.Equal(want, have, 2e-3);

        static float[] Solve(EmbeddedImages images)
        {
            var objective = SlaObjectives.Create(SlaObjective.Sla, classes: 3, images.Views, new ObjectiveSettings());
            using var heads = new Heads(images.Size, objective.Heads, new Random(1));
            using var solver = new HeadSolver(objective, images, null);
            solver.Solve(heads, [.. heads.parameters()], new HeadPenalty(0.1), tolerance: 1e-9, () => { });
            return [.. heads.get_parameter(Heads.WeightName(Head.Joint))!.detach().data<float>()];
        }
    }

    private static double Product(float[] left, float[] right) => left.Zip(right, (a, b) => (double)a * b).Sum();

    private static EmbeddingStore Store(float[][] values) => Embeddings.Store([.. Enumerable.Range(0, values.Length).Select(image => image % 3)], values, Views);

    private static float[][] Values(int count) => [.. Enumerable.Range(0, count).Select(image => Enumerable.Range(0, Views * Size).Select(i =>
        (float)(VectorFile.Number(70 + (image % 3), i) + VectorFile.Number(71, (image * Views * Size) + i))).ToArray())];
}
