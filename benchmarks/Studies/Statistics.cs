namespace Microsoft.ML.Sla.Studies;

/// <summary>Means over the seeds and the intervals that they lie in.</summary>
internal static class Statistics
{
    /// <summary>97.5% quantiles of Student's t with 1, 2, ... degrees of freedom.</summary>
    private static readonly double[] StudentQuantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

    /// <summary>The standard deviation of a sample; 0 of one value.</summary>
    public static double Deviation(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return values.Count == 1 ? 0 : Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }

    /// <summary>Half of the 95% interval of the mean, by Student's t; NaN of one value.</summary>
    public static double HalfInterval(IReadOnlyList<double> values) => values.Count == 1
        ? double.NaN
        : StudentQuantiles[Math.Min(values.Count - 2, StudentQuantiles.Length - 1)] * Deviation(values) / Math.Sqrt(values.Count);
}
