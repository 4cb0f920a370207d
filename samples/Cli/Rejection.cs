using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>What <c>--reject</c> refuses.</summary>
internal static class Rejection
{
    /// <summary>Says what a threshold does, and returns the lowest confidence that it accepts.</summary>
    /// <param name="errorRate">The wanted error rate.</param>
    /// <param name="thresholdFor">Chooses the threshold of a model.</param>
    /// <exception cref="InputException">The model knows no threshold for the rate.</exception>
    public static float Least(double errorRate, Func<double, ConfidenceThreshold> thresholdFor)
    {
        var threshold = Failure.AsInput(() => thresholdFor(errorRate));
        Terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"For at most {errorRate:P1} wrong answers a confidence of {threshold.Confidence:F3} is needed: {threshold.Coverage:P1} of the images that were kept from the training have it, and {threshold.ErrorRate:P1} of these are predicted wrongly."));
        return threshold.Confidence;
    }
}
