namespace Microsoft.ML.Sla;

/// <summary>The result of a learning-rate range test (Smith 2017).</summary>
public sealed record LearningRateRange
{
    /// <summary>The learning rate of each step, ascending, and the smoothed loss after the step.</summary>
    public required IReadOnlyList<LearningRatePoint> Points { get; init; }

    /// <summary>The rate at which the loss falls fastest, on a logarithmic scale of rates.</summary>
    public required double Suggested { get; init; }

    /// <summary>Weight of earlier losses in the smoothed loss.</summary>
    private const double Smoothing = 0.9;

    /// <summary>The test ends when the loss exceeds its minimum by this factor.</summary>
    private const double Divergence = 4;

    /// <summary>Share of the steps, on each side of a step, that a slope spans. The loss varies more from batch to batch than with the rate.</summary>
    private const double SlopeShare = 0.1;

    /// <param name="lowest">The first rate.</param>
    /// <param name="highest">The last rate.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="lossOf">Takes the step's number, counted from 0, and its rate. Makes the step and returns the loss before it.</param>
    internal static LearningRateRange Measure(double lowest, double highest, int steps, Func<int, double, double> lossOf)
    {
        var points = new List<LearningRatePoint>();
        double average = 0;
        for (int step = 0; step < steps; step++)
        {
            double rate = lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
            average = (Smoothing * average) + ((1 - Smoothing) * lossOf(step, rate));
            double smoothed = average / (1 - Math.Pow(Smoothing, step + 1));
            if (!double.IsFinite(smoothed) || (points.Count > 0 && smoothed > Divergence * points.Min(point => point.Loss)))
                break;
            points.Add(new LearningRatePoint { LearningRate = rate, Loss = smoothed });
        }

        return new LearningRateRange { Points = points, Suggested = Steepest(points) };
    }

    private static double Steepest(List<LearningRatePoint> points)
    {
        int lowest = Enumerable.Range(0, points.Count).MinBy(i => points[i].Loss);
        int span = (int)Math.Ceiling(SlopeShare * points.Count);
        int steepest = Enumerable.Range(0, lowest + 1).MinBy(i =>
            points[Math.Min(i + span, points.Count - 1)].Loss - points[Math.Max(i - span, 0)].Loss);
        return points[steepest].LearningRate;
    }
}

/// <summary>A step of a learning-rate range test.</summary>
public sealed record LearningRatePoint
{
    /// <summary>The learning rate of the step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The smoothed loss after the step.</summary>
    public required double Loss { get; init; }
}
