namespace Sla.Report;

/// <summary>Whether probabilities can be relied on: of the images predicted with 80 %, 80 % should be right (Guo et al. 2017).</summary>
/// <param name="Bins">The bins that have images, from the lowest confidence.</param>
/// <param name="Error">The expected calibration error: the mean, over images, of the distance between a bin's confidence and its accuracy, 0 to 1.</param>
internal sealed record Calibration(IReadOnlyList<CalibrationBin> Bins, double Error)
{
    private const int BinCount = 10;

    public static Calibration Of(ScoredImages scored)
    {
        var bins = scored.Scores
            .Select((scores, i) => (Confidence: (double)scores.Max(), IsRight: scored.IsRight(i)))
            .GroupBy(image => Math.Min(BinCount - 1, (int)(image.Confidence * BinCount)))
            .OrderBy(group => group.Key)
            .Select(group => new CalibrationBin(group.Count(), group.Average(image => image.Confidence), group.Average(image => image.IsRight ? 1.0 : 0)))
            .ToList();
        return new Calibration(bins, bins.Sum(bin => bin.Images * Math.Abs(bin.Confidence - bin.Accuracy)) / scored.Scores.Length);
    }
}

/// <summary>Images whose predicted class has about the same probability.</summary>
/// <param name="Images">How many.</param>
/// <param name="Confidence">The mean probability of the predicted class.</param>
/// <param name="Accuracy">Share of them that is right.</param>
internal sealed record CalibrationBin(int Images, double Confidence, double Accuracy);
