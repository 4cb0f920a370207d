using Microsoft.ML.Sla.Scoring;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class TemperatureScalingTests
{
    private const int Classes = 5;

    /// <summary>The numbers are those of SciPy: Vectors/make_temperature_vectors.py.</summary>
    [Theory]
    [InlineData(2, 1, 0.832108)]
    [InlineData(3, 10, 0.828770)]
    [InlineData(40, 1, 0.731899)]
    [InlineData(40, 10, 5.074395)]
    [InlineData(400, 0.5, 0.312413)]
    [InlineData(400, 30, 17.369697)]
    public void The_temperature_is_the_one_that_SciPy_finds(int rows, double scale, double expected)
    {
        float[] logits = [.. Enumerable.Range(0, rows * Classes).Select(i => (float)(scale * Math.Sin(1 + ((double)i * i))))];
        int[] labels = [.. Enumerable.Range(0, rows).Select(row => (Array.IndexOf(logits, logits[(row * Classes)..((row + 1) * Classes)].Max()) - (row * Classes) + (row % 4 == 3 ? 1 : 0)) % Classes)];
        Assert.Equal(expected, TemperatureScaling.Fit(logits, labels), expected * 1e-4);
    }

    [Fact]
    public void Log_probabilities_in_place_of_logits_give_the_same_temperature()
    {
        float[] logits = [.. Enumerable.Range(0, 40 * Classes).Select(i => (float)(3 * Math.Sin(1 + ((double)i * i))))];
        int[] labels = [.. Enumerable.Range(0, 40).Select(row => row % Classes)];
        float[] shifted = [.. logits.Select((logit, i) => logit - 100 + (i / Classes))];
        Assert.Equal(TemperatureScaling.Fit(logits, labels), TemperatureScaling.Fit(shifted, labels), 1e-4);
    }

    [Fact]
    public void Logits_that_a_float_has_no_exponential_of_give_numbers()
    {
        var calibration = Calibration.Of(SlaInference.Single, [1000, 0, -1000, 5000, 4000, 0], [0.5f, 0.25f, 0, 0.75f, 0.125f, 0], [0, 1]);
        calibration.Check();
        Assert.Equal([2, 1], [calibration.Errors.Accepted[^1], calibration.Errors.Wrong[^1]]);
        Assert.Equal(0.5f, calibration.Recognition!.Value, 1e-3f);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    public void Rows_that_are_all_right_or_all_wrong_give_a_temperature_that_can_be(int rows)
    {
        float[] logits = [.. Enumerable.Range(0, rows).SelectMany(_ => new[] { 0f, 20f })];
        Assert.InRange(TemperatureScaling.Fit(logits, [.. Enumerable.Repeat(1, rows)]), 0.04, 1.01);
        Assert.InRange(TemperatureScaling.Fit(logits, [.. Enumerable.Repeat(0, rows)]), 1, 21);
    }
}
