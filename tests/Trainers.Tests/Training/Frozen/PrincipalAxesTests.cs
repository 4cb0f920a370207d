using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Principal axes: lengths and angles stay, and heads on them are the heads on the embeddings.</summary>
public sealed class PrincipalAxesTests
{
    private const int Size = 8;

    public PrincipalAxesTests() => TorchLibrary.EnsureLoaded();

    [Theory]
    [InlineData(40)]
    [InlineData(1100)]
    [InlineData(5)]
    public void All_axes_keep_the_products_of_embeddings(int count)
    {
        var images = Images(count);
        var projected = PrincipalAxes.Of(images, Size).Project(images);
        Assert.Equal(Math.Min(Size, images.Views * count), projected.Size);
        foreach (var (i, j) in new[] { (0, 0), (0, count - 1), (1, 2) })
            Assert.Equal(Product(images.Values[i], images.Values[j]), Product(projected.Values[i], projected.Values[j]), 1e-3);
    }

    [Fact]
    public void The_first_axes_carry_the_most()
    {
        // Values 0 and 1 vary ten times as much as the others.
        var images = Images(200);
        foreach (float[] values in images.Values)
        {
            for (int i = 0; i < values.Length; i++)
                values[i] *= i % Size < 2 ? 10 : 1;
        }

        var projected = PrincipalAxes.Of(images, 2).Project(images);
        Assert.Equal(2, projected.Size);
        double kept = projected.Values.Sum(values => Product(values, values)) / images.Values.Sum(values => Product(values, values));
        Assert.InRange(kept, 0.95, 1);
    }

    [Fact]
    public void Weights_on_axes_are_weights_on_embeddings()
    {
        var images = Images(50);
        var axes = PrincipalAxes.Of(images, 5);
        float[] weights = [.. Enumerable.Range(0, 3 * 5).Select(i => (float)VectorFile.Number(60, i))];
        float[] back = axes.Back(weights);
        Assert.Equal(3 * Size, back.Length);
        float[] embedding = images.Values[7][..Size], projected = axes.Project(images).Values[7][..5];
        for (int output = 0; output < 3; output++)
            Assert.Equal(Product(weights[(output * 5)..((output + 1) * 5)], projected), Product(back[(output * Size)..((output + 1) * Size)], embedding), 1e-4);
        Assert.Equal(weights, PrincipalAxes.None.Back(weights));
        Assert.Same(images, PrincipalAxes.None.Project(images));
    }

    [Fact]
    public void Heads_on_all_axes_are_the_heads_on_the_embeddings()
    {
        var images = Images(90);
        var axes = PrincipalAxes.Of(images, Size);
        float[] direct = Solve(images), onAxes = axes.Back(Solve(axes.Project(images)));
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

    private static EmbeddedImages Images(int count) => new(
        [.. Enumerable.Range(0, count).Select(image => image % 3)],
        [.. Enumerable.Range(0, count).Select(image => Enumerable.Range(0, 2 * Size).Select(i =>
            (float)(VectorFile.Number(70 + (image % 3), i) + VectorFile.Number(71, (image * 2 * Size) + i))).ToArray())],
        Views: 2,
        Size);
}
