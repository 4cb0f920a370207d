namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// Minimises a smooth function by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright, Numerical
/// Optimization, 2nd edition, algorithms 7.4 and 7.5), with a backtracking line search.
/// </summary>
internal static class Lbfgs
{
    private const int Memory = 10;
    private const int MostBacktracks = 20;

    /// <summary>A step must bring at least this share of the decrease that the slope predicts.</summary>
    private const double Armijo = 1e-4;

    /// <summary>Minimises.</summary>
    /// <param name="start">The starting point. It is overwritten with the minimum.</param>
    /// <param name="function">Computes value and gradient at a point.</param>
    /// <param name="tolerance">It stops after three iterations in a row with a smaller relative decrease of the value.</param>
    /// <param name="mostIterations">Largest number of iterations.</param>
    /// <returns>The value at the last point, and the number of iterations.</returns>
    public static (double Value, int Iterations) Minimize(
        double[] start, Func<double[], (double Value, double[] Gradient)> function, double tolerance = 1e-6, int mostIterations = 300)
    {
        double[] point = start;
        var (value, gradient) = function(point);
        var pairs = new LinkedList<(double[] Step, double[] Change, double Curvature)>();
        int iteration = 0, still = 0;
        for (; iteration < mostIterations && still < 3; iteration++)
        {
            double[] direction = Direction(gradient, pairs);
            double slope = Dot(direction, gradient);
            if (slope >= 0)
            {
                if (pairs.Count == 0)
                    break;
                pairs.Clear();
                continue;
            }

            double length = pairs.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(Dot(gradient, gradient))) : 1;
            if (Search(point, direction, length, value, slope, function) is not { } found)
            {
                if (pairs.Count == 0)
                    break;
                pairs.Clear();
                continue;
            }

            Remember(pairs, Difference(found.Point, point), Difference(found.Gradient, gradient));
            still = value - found.Value <= tolerance * Math.Abs(value) ? still + 1 : 0;
            (point, value, gradient) = found;
        }

        point.CopyTo(start, 0);
        return (value, iteration);
    }

    private static (double[] Point, double Value, double[] Gradient)? Search(
        double[] point, double[] direction, double length, double value, double slope, Func<double[], (double Value, double[] Gradient)> function)
    {
        for (int backtrack = 0; backtrack < MostBacktracks; backtrack++, length /= 2)
        {
            double[] candidate = new double[point.Length];
            for (int i = 0; i < candidate.Length; i++)
                candidate[i] = point[i] + (length * direction[i]);
            var (there, gradient) = function(candidate);
            if (there <= value + (Armijo * length * slope))
                return (candidate, there, gradient);
        }

        return null;
    }

    /// <summary>The two-loop recursion: minus an estimate of the inverse Hessian times the gradient.</summary>
    private static double[] Direction(double[] gradient, LinkedList<(double[] Step, double[] Change, double Curvature)> pairs)
    {
        double[] direction = [.. gradient.Select(value => -value)];
        var factors = new Stack<double>();
        for (var pair = pairs.Last; pair is not null; pair = pair.Previous)
        {
            double factor = Dot(pair.Value.Step, direction) / pair.Value.Curvature;
            factors.Push(factor);
            Add(direction, -factor, pair.Value.Change);
        }

        if (pairs.Last is { } last)
            Scale(direction, last.Value.Curvature / Dot(last.Value.Change, last.Value.Change));
        for (var pair = pairs.First; pair is not null; pair = pair.Next)
            Add(direction, factors.Pop() - (Dot(pair.Value.Change, direction) / pair.Value.Curvature), pair.Value.Step);
        return direction;
    }

    private static void Remember(LinkedList<(double[] Step, double[] Change, double Curvature)> pairs, double[] step, double[] change)
    {
        double curvature = Dot(step, change);
        if (curvature <= 1e-10 * Dot(change, change))
            return;
        pairs.AddLast((step, change, curvature));
        if (pairs.Count > Memory)
            pairs.RemoveFirst();
    }

    private static double Dot(double[] left, double[] right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
            sum += left[i] * right[i];
        return sum;
    }

    private static void Add(double[] target, double factor, double[] values)
    {
        for (int i = 0; i < target.Length; i++)
            target[i] += factor * values[i];
    }

    private static void Scale(double[] target, double factor)
    {
        for (int i = 0; i < target.Length; i++)
            target[i] *= factor;
    }

    private static double[] Difference(double[] left, double[] right)
    {
        double[] difference = new double[left.Length];
        for (int i = 0; i < difference.Length; i++)
            difference[i] = left[i] - right[i];
        return difference;
    }
}
