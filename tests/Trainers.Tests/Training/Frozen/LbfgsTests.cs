using Microsoft.ML.Sla.Training.Frozen;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>The minimiser on functions whose minimum is known.</summary>
public sealed class LbfgsTests
{
    private static readonly double[] Scales = [1, 10, 100, 1000, 3];
    private static readonly double[] Minimum = [1, -2, 0.5, 0.01, 7];

    [Fact]
    public void A_quadratic_function_ends_at_its_minimum()
    {
        double[] point = new double[5];
        var (value, iterations) = Lbfgs.Minimize(point, Quadratic, tolerance: 1e-14);
        Assert.Equal(0, value, 1e-12);
        Assert.InRange(iterations, 1, 100);
        foreach (var (want, have) in Minimum.Zip(point))
            Assert.Equal(want, have, 1e-5);
    }

    [Fact]
    public void Rosenbrocks_valley_ends_at_its_minimum()
    {
        double[] point = [-1.2, 1];
        var (value, iterations) = Lbfgs.Minimize(point, Rosenbrock, tolerance: 1e-14);
        Assert.Equal(0, value, 1e-10);
        Assert.Equal(1, point[0], 1e-4);
        Assert.Equal(1, point[1], 1e-4);
        Assert.InRange(iterations, 10, 200);
    }

    [Fact]
    public void A_logistic_regression_ends_where_its_gradient_is_zero()
    {
        double[] point = new double[4];
        Lbfgs.Minimize(point, Logistic, tolerance: 1e-12);
        Assert.All(Logistic(point).Gradient, slope => Assert.Equal(0, slope, 1e-6));
        Assert.True(Logistic(point).Value < Logistic(new double[4]).Value);
    }

    [Fact]
    public void The_value_never_grows_from_one_iteration_to_the_next()
    {
        double before = double.PositiveInfinity;
        for (int iterations = 0; iterations <= 40; iterations++)
        {
            double[] point = [-1.2, 1];
            var (value, made) = Lbfgs.Minimize(point, Rosenbrock, tolerance: 0, mostIterations: iterations);
            Assert.True(made <= iterations);
            Assert.Equal(Rosenbrock(point).Value, value);
            Assert.True(value <= before, $"{value} after {iterations} iterations, and {before} before");
            before = value;
        }
    }

    [Fact]
    public void It_stops_at_the_tolerance_and_leaves_a_minimum_alone()
    {
        double[] point = [.. Minimum];
        Assert.Equal((0, 0), Lbfgs.Minimize(point, Quadratic));
        Assert.Equal(Minimum, point);

        int coarse = Lbfgs.Minimize([-1.2, 1], Rosenbrock, tolerance: 0.5).Iterations;
        int fine = Lbfgs.Minimize([-1.2, 1], Rosenbrock, tolerance: 1e-12).Iterations;
        Assert.True(coarse < fine, $"{coarse} iterations, and {fine} at a finer tolerance");
    }

    [Fact]
    public void A_function_without_a_value_ends_the_search()
    {
        double[] point = [1, 2];
        int evaluations = 0;
        var (value, _) = Lbfgs.Minimize(point, at =>
        {
            evaluations++;
            return (double.NaN, [1, 1]);
        });
        Assert.True(double.IsNaN(value));
        Assert.Equal([1.0, 2], point);
        Assert.InRange(evaluations, 1, 50);
    }

    private static (double Value, double[] Gradient) Quadratic(double[] at)
    {
        double value = 0;
        double[] gradient = new double[at.Length];
        for (int i = 0; i < at.Length; i++)
        {
            double distance = at[i] - Minimum[i];
            value += Scales[i] / 2 * distance * distance;
            gradient[i] = Scales[i] * distance;
        }

        return (value, gradient);
    }

    private static (double Value, double[] Gradient) Rosenbrock(double[] at)
    {
        double x = at[0], y = at[1], off = y - (x * x);
        return (((1 - x) * (1 - x)) + (100 * off * off), [(-2 * (1 - x)) - (400 * x * off), 200 * off]);
    }

    /// <summary>The mean loss of 40 points with labels of a formula, and a small penalty.</summary>
    private static (double Value, double[] Gradient) Logistic(double[] at)
    {
        const int Points = 40;
        double value = 0;
        double[] gradient = new double[at.Length];
        for (int point = 0; point < Points; point++)
        {
            double[] x = [.. Enumerable.Range(0, at.Length).Select(i => VectorFile.Number(1, (point * at.Length) + i))];
            double label = x[0] - x[1] + VectorFile.Number(2, point) > 0 ? 1 : -1;
            double margin = label * x.Zip(at, (a, b) => a * b).Sum();
            value += Math.Log(1 + Math.Exp(-margin)) / Points;
            for (int i = 0; i < at.Length; i++)
                gradient[i] -= label * x[i] / (1 + Math.Exp(margin)) / Points;
        }

        for (int i = 0; i < at.Length; i++)
        {
            value += 0.005 * at[i] * at[i];
            gradient[i] += 0.01 * at[i];
        }

        return (value, gradient);
    }
}
