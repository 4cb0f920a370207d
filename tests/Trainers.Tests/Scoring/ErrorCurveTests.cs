using CsCheck;
using Microsoft.ML.Sla.Scoring;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

public sealed class ErrorCurveTests
{
    /// <summary>Rows of few different confidences, so that there are ties.</summary>
    private static readonly Gen<(float Confidence, bool IsRight)[]> Rows = Gen.Select(Gen.Int[0, 20].Select(i => i / 20f), Gen.Bool).Array[1, 60];

    [Fact]
    public void The_threshold_accepts_the_most_rows_whose_bound_is_within_the_rate() => Gen.Select(Rows, Gen.Double[0.02, 0.98]).Sample((rows, rate) =>
    {
        var best = rows.Select(row => row.Confidence).Distinct().Select(least => rows.Where(row => row.Confidence >= least).ToList())
            .Where(accepted => (accepted.Count(row => !row.IsRight) + 1.0) / (accepted.Count + 1) <= rate).MaxBy(accepted => accepted.Count);
        var curve = ErrorCurve.Of([.. rows.Select(row => row.Confidence)], [.. rows.Select(row => row.IsRight)]);
        curve.Check();
        if (best is null)
        {
            Assert.Throws<ArgumentOutOfRangeException>("errorRate", () => curve.ThresholdFor(rate));
            return;
        }

        var threshold = curve.ThresholdFor(rate);
        Assert.Equal(best.Min(row => row.Confidence), threshold.Confidence);
        Assert.Equal((double)best.Count / rows.Length, threshold.Coverage, 1e-12);
        Assert.Equal(best.Average(row => row.IsRight ? 0.0 : 1), threshold.ErrorRate, 1e-12);
    });

    [Fact]
    public void Of_many_rows_a_part_is_kept_and_the_threshold_hardly_moves()
    {
        var random = new Random(1);
        float[] confidences = [.. Enumerable.Range(0, 20_000).Select(_ => random.NextSingle())];
        bool[] isRight = [.. confidences.Select(confidence => random.NextSingle() < confidence)];
        var curve = ErrorCurve.Of(confidences, isRight);
        Assert.Equal((512, 20_000), (curve.Confidences.Length, curve.Accepted[^1]));

        // Of the rows above c, (1 - c) / 2 are wrong.
        Assert.Equal(0.6, curve.ThresholdFor(0.2).Confidence, 0.03);
    }

    [Fact]
    public void A_rate_that_few_rows_cannot_show_is_refused_with_the_lowest_that_they_can()
    {
        var curve = ErrorCurve.Of([0.9f, 0.8f, 0.7f], [true, true, true]);
        string message = Assert.Throws<ArgumentOutOfRangeException>("errorRate", () => curve.ThresholdFor(0.1)).Message;
        Assert.Contains("the 3 rows", message, StringComparison.Ordinal);
        Assert.Contains("0.25", message, StringComparison.Ordinal);
        Assert.Equal(0.7f, curve.ThresholdFor(0.25).Confidence);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void A_rate_that_is_no_share_is_refused(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>("errorRate", () => ErrorCurve.Of([0.9f], [true]).ThresholdFor(rate));

    [Fact]
    public void What_is_no_curve_is_refused()
    {
        ErrorCurve[] broken =
        [
            new([], [], []),
            new([0.5f], [1, 2], [0, 0]),
            new([0.5f], [1], []),
            new([float.NaN], [1], [0]),
            new([0.5f, 0.6f], [1, 2], [0, 0]),
            new([0.5f, 0.4f], [2, 2], [0, 0]),
            new([0.5f, 0.4f], [1, 2], [1, 0]),
            new([0.5f], [1], [2]),
            new([0.5f], [0], [0]),
            new([0.5f], [1], [-1]),
        ];
        foreach (var curve in broken)
            Assert.Throws<InvalidDataException>(curve.Check);
    }
}
