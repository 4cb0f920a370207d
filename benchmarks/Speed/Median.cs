namespace Microsoft.ML.Sla.Speed;

/// <summary>The middle of measurements, which a slow one among them does not move.</summary>
internal static class Median
{
    /// <summary>The value in the middle, or the mean of the two that are.</summary>
    public static double Of(IEnumerable<double> measurements)
    {
        double[] values = [.. measurements.Order()];
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
