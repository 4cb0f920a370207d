using System.Numerics.Tensors;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// Fits the temperature T that makes softmax(s / T) fit the labels of rows that no weight was trained on (Guo et al. 2017, On Calibration of Modern
/// Neural Networks, section 4.2).
/// </summary>
internal static class TemperatureScaling
{
    /// <summary>
    /// Standard deviation of log T in the prior, a normal distribution around 0. Few rows leave T near 1: without a prior, rows that are all right
    /// would make it 0.
    /// </summary>
    private const double PriorDeviation = 0.5;

    /// <summary>The largest log T, and minus the smallest.</summary>
    private const double Bound = 3;

    private const int Halvings = 40;

    /// <summary>Fits T.</summary>
    /// <param name="logits">Class logits s or log-probabilities: N values for each row.</param>
    /// <param name="labels">The class of each row.</param>
    /// <returns>T, the mode of its posterior.</returns>
    public static double Fit(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels)
    {
        var (low, high) = (-Bound, Bound);
        for (int i = 0; i < Halvings; i++)
        {
            double middle = (low + high) / 2;
            if (Slope(logits, labels, middle) > 0)
                high = middle;
            else
                low = middle;
        }

        return Math.Exp((low + high) / 2);
    }

    /// <summary>softmax(s / T) of a row.</summary>
    /// <param name="logits">s.</param>
    /// <param name="temperature">T.</param>
    /// <param name="probabilities">Receives as many values.</param>
    public static void Probabilities(ReadOnlySpan<float> logits, double temperature, Span<float> probabilities)
    {
        TensorPrimitives.Multiply(logits, (float)(1 / temperature), probabilities);

        // SoftMax itself overflows where a logit is above 88.
        TensorPrimitives.Subtract(probabilities, TensorPrimitives.Max<float>(probabilities), probabilities);
        TensorPrimitives.SoftMax(probabilities, probabilities);
    }

    /// <summary>d/da of sum_rows -log softmax(s e^-a)_y + a^2 / (2 sigma^2), where a = log T.</summary>
    private static double Slope(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, double logTemperature)
    {
        int classes = logits.Length / labels.Length;
        double temperature = Math.Exp(logTemperature), slope = logTemperature / (PriorDeviation * PriorDeviation);
        float[] probabilities = new float[classes];
        for (int row = 0; row < labels.Length; row++)
        {
            var ofRow = logits.Slice(row * classes, classes);
            Probabilities(ofRow, temperature, probabilities);
            slope -= (TensorPrimitives.Dot(ofRow, probabilities) - ofRow[labels[row]]) / temperature;
        }

        return slope;
    }
}
