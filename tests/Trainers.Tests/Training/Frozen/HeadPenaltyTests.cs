using Microsoft.ML.Sla.Training.Frozen;
using Xunit;
using static Microsoft.ML.Sla.Tests.HeadFixture;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The penalty on heads, and the coordinates in which it is even.</summary>
public sealed class HeadPenaltyTests
{
    [Fact]
    public void Coordinates_of_weights_give_the_weights_back()
    {
        var penalty = new HeadPenalty(Strength: 0.3, OnDifferences: 7);
        double[] weights = [.. Enumerable.Range(0, Classes * Views * EmbeddingSize).Select(i => VectorFile.Number(60, i))], there = [.. weights];
        penalty.ToCoordinates(there, Classes * Views, Views);
        Assert.True(weights.Zip(there, (before, after) => Math.Abs(before - after)).Max() > 0.1);
        penalty.FromCoordinates(there, Classes * Views, Views);
        for (int i = 0; i < weights.Length; i++)
            Assert.Equal(weights[i], there[i], 1e-12);
    }

    [Fact]
    public void Differences_between_views_carry_the_factor_and_what_classes_or_views_share_does_not()
    {
        double[] shared = new double[Classes * Views], differences = new double[Classes * Views];
        for (int i = 0; i < shared.Length; i++)
        {
            var (of, view) = (i / Views, i % Views);
            shared[i] = of - (0.5 * view);
            differences[i] = (of - 1) * (view - 1.5);
        }

        Assert.Equal(Value(shared, 1), Value(shared, 30), 1e-12);
        Assert.Equal(30 * Value(differences, 1), Value(differences, 30), 1e-9);

        static double Value(double[] weights, double factor)
        {
            var penalty = new HeadPenalty(1, factor);
            double[] coordinates = [.. weights];
            penalty.ToCoordinates(coordinates, Classes * Views, Views);
            return penalty.AddGradient(coordinates, new double[weights.Length]);
        }
    }
}
