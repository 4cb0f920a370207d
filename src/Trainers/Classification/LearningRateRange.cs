namespace Microsoft.ML.Sla;

/// <summary>The result of a learning-rate range test (Smith 2017).</summary>
/// <param name="Points">The rate of each step, ascending, and the smoothed loss after it.</param>
/// <param name="Suggested">The rate at which the loss falls fastest by the logarithm of the rate.</param>
public sealed record LearningRateRange(IReadOnlyList<(double LearningRate, double Loss)> Points, double Suggested)
{
    /// <summary>Weight of the losses so far in the smoothed one.</summary>
    private const double Smoothing = 0.9;

    /// <summary>A loss of so many times the lowest one ends the test.</summary>
    private const double Divergence = 4;

    /// <summary>Share of the steps on each side that a slope is taken over: single batches differ more than the rate does.</summary>
    private const double SlopeShare = 0.1;

    /// <param name="lowest">The first rate.</param>
    /// <param name="highest">The last rate.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="lossOf">Makes a step, counted from 0, at a rate, and returns the loss before it.</param>
    internal static LearningRateRange Measure(double lowest, double highest, int steps, Func<int, double, double> lossOf)
    {
        var points = new List<(double LearningRate, double Loss)>();
        double average = 0;
        for (int step = 0; step < steps; step++)
        {
            double rate = lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
            average = (Smoothing * average) + ((1 - Smoothing) * lossOf(step, rate));
            double smoothed = average / (1 - Math.Pow(Smoothing, step + 1));
            if (!double.IsFinite(smoothed) || (points.Count > 0 && smoothed > Divergence * points.Min(point => point.Loss)))
                break;
            points.Add((rate, smoothed));
        }

        return new LearningRateRange(points, Steepest(points));
    }

    private static double Steepest(List<(double LearningRate, double Loss)> points)
    {
        int lowest = points.IndexOf(points.MinBy(point => point.Loss));
        int span = (int)Math.Ceiling(SlopeShare * points.Count);
        int steepest = Enumerable.Range(0, lowest + 1).MinBy(i =>
            points[Math.Min(i + span, points.Count - 1)].Loss - points[Math.Max(i - span, 0)].Loss);
        return points[steepest].LearningRate;
    }
}
