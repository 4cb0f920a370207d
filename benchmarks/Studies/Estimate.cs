using System.Globalization;

namespace Microsoft.ML.Sla.Studies;

/// <summary>The mean of some values and the 95% interval that it lies in.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="HalfInterval">Half the width of the interval; NaN where there is one value.</param>
internal sealed record Estimate(double Mean, double HalfInterval)
{
    /// <summary>97.5% quantiles of Student's t with 1, 2, ... degrees of freedom.</summary>
    private static readonly double[] StudentQuantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

    /// <summary>By Student's t, of values that were drawn independently, such as differences seed by seed.</summary>
    public static Estimate Of(IReadOnlyList<double> values) => new(
        values.Average(),
        values.Count == 1 ? double.NaN : StudentQuantiles[Math.Min(values.Count - 2, StudentQuantiles.Length - 1)] * Deviation(values) / Math.Sqrt(values.Count));

    /// <summary>The standard deviation of a sample; 0 of one value.</summary>
    private static double Deviation(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return values.Count == 1 ? 0 : Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }

    /// <summary>A mean of percentages with the deviation of its values, where there are several: <c>58.9 % ± 1.4</c>.</summary>
    public static string Spread(IReadOnlyList<double> percentages) => string.Create(
        CultureInfo.InvariantCulture, $"{percentages.Average():F1} %{(percentages.Count == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" ± {Deviation(percentages):F1}"))}");

    /// <summary>As a difference in points: <c>+2.5 ± 1.6</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Mean:+0.0;-0.0;+0.0}{(double.IsNaN(HalfInterval) ? "" : string.Create(CultureInfo.InvariantCulture, $" ± {HalfInterval:F1}"))}");
}
