using System.Numerics.Tensors;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>What rows that no weight was trained on say about an inference's probabilities.</summary>
/// <param name="Inference">How the rows were scored.</param>
/// <param name="Temperature">T: the probabilities are softmax(s / T).</param>
/// <param name="Recognition">
/// How well the network recognises the transformations of known images: the probability of the predicted class together with the view's transformation,
/// averaged over the views of the inference, in relation to the probability of the class; the value that nine tenths of the rows exceed. Null where the
/// network learns no joint labels.
/// </param>
/// <param name="Errors">How many predictions are wrong, by their confidence.</param>
internal sealed record Calibration(
    SlaInference Inference, double Temperature, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] float? Recognition, ErrorCurve Errors)
{
    /// <summary>Share of the rows whose confidence is lowered.</summary>
    private const double Lowered = 0.1;

    private const float SmallestRecognition = 1e-6f;

    /// <summary>Fits the temperature, and measures the errors with it.</summary>
    /// <param name="inference">How the rows were scored.</param>
    /// <param name="logits">Class logits s, N values for each row.</param>
    /// <param name="joint">
    /// For each row the probabilities of the N classes together with the view's transformation, averaged over the views of the inference; empty where
    /// the network learns no joint labels.
    /// </param>
    /// <param name="labels">The class of each row, one row or more.</param>
    public static Calibration Of(SlaInference inference, float[] logits, float[] joint, int[] labels)
    {
        int classes = logits.Length / labels.Length;
        double temperature = TemperatureScaling.Fit(logits, labels);
        var (confidences, jointOfPredicted, isRight) = (new float[labels.Length], new float[labels.Length], new bool[labels.Length]);
        float[] probabilities = new float[classes];
        for (int row = 0; row < labels.Length; row++)
        {
            var ofRow = logits.AsSpan(row * classes, classes);
            int predicted = TensorPrimitives.IndexOfMax<float>(ofRow);
            isRight[row] = predicted == labels[row];
            TemperatureScaling.Probabilities(ofRow, temperature, probabilities);
            confidences[row] = probabilities[predicted];
            if (joint.Length > 0)
                jointOfPredicted[row] = joint[(row * classes) + predicted];
        }

        float? recognition = null;
        if (joint.Length > 0)
        {
            float usual = Math.Max(SmallestRecognition, jointOfPredicted.Zip(confidences, (together, probability) => together / probability).Order().ElementAt((int)(Lowered * labels.Length)));
            recognition = usual;
            confidences = [.. confidences.Zip(jointOfPredicted, (probability, together) => Math.Min(probability, together * (1 / usual)))];
        }

        return new Calibration(inference, temperature, recognition, ErrorCurve.Of(confidences, isRight));
    }

    /// <exception cref="InvalidDataException">The values cannot be.</exception>
    public void Check()
    {
        if (!(Temperature > 0 && float.IsFinite((float)(1 / Temperature))))
            throw new InvalidDataException($"its temperature, {Temperature}, must be above 0.");
        if (Recognition is { } recognition && !(recognition > 0 && float.IsFinite(1 / recognition)))
            throw new InvalidDataException($"its recognition, {recognition}, must be above 0.");
        Errors.Check();
    }
}
