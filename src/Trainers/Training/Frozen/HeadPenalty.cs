namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// The L2 penalty on the weights of linear heads (docs/method.md, frozen backbones). The weights of a joint head are a sum of three parts: what a
/// class has in all views, what a view has for all classes, and the rest, in which a class differs between views. A solver works on coordinates:
/// weights of which the rest is multiplied by the root of its factor. In them the penalty is the same in all directions, which takes fewer steps.
/// </summary>
/// <param name="Strength">The penalty on all weights.</param>
/// <param name="OnDifferences">Factor to <paramref name="Strength"/> for the part of a joint head in which classes differ between views.</param>
internal readonly record struct HeadPenalty(double Strength, double OnDifferences = 1)
{
    /// <summary>Changes weights to coordinates.</summary>
    /// <param name="weights">The weights of a head: outputs x D. Those of a joint head come class by class.</param>
    /// <param name="outputs">Number of outputs.</param>
    /// <param name="views">M for a joint head; 1 for another.</param>
    public void ToCoordinates(Span<double> weights, int outputs, int views) => ScaleDifferences(weights, outputs / views, views, Math.Sqrt(OnDifferences));

    /// <summary>Changes coordinates to weights, or the gradient by weights to that by coordinates.</summary>
    /// <inheritdoc cref="ToCoordinates"/>
    public void FromCoordinates(Span<double> weights, int outputs, int views) => ScaleDifferences(weights, outputs / views, views, 1 / Math.Sqrt(OnDifferences));

    /// <summary>Adds the penalty's gradient.</summary>
    /// <param name="coordinates">The coordinates of a head's weights.</param>
    /// <param name="gradient">Receives the gradient.</param>
    /// <returns>The penalty's value.</returns>
    public double AddGradient(ReadOnlySpan<double> coordinates, Span<double> gradient)
    {
        double value = 0;
        for (int i = 0; i < coordinates.Length; i++)
        {
            value += Strength / 2 * coordinates[i] * coordinates[i];
            gradient[i] += Strength * coordinates[i];
        }

        return value;
    }

    public override string ToString() =>
        FormattableString.Invariant($"{Strength:G3}") + (OnDifferences == 1 ? "" : FormattableString.Invariant($", {OnDifferences:G3} times on differences between views"));

    private static void ScaleDifferences(Span<double> weights, int classes, int views, double factor)
    {
        if (views == 1 || factor == 1)
            return;
        int size = weights.Length / (classes * views);
        double[] ofClass = new double[classes * size], ofView = new double[views * size], ofAll = new double[size];
        for (int i = 0; i < weights.Length; i++)
        {
            int output = i / size, value = i % size;
            ofClass[(output / views * size) + value] += weights[i] / views;
            ofView[(output % views * size) + value] += weights[i] / classes;
            ofAll[value] += weights[i] / (classes * views);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            int output = i / size, value = i % size;
            double shared = ofClass[(output / views * size) + value] + ofView[(output % views * size) + value] - ofAll[value];
            weights[i] = shared + (factor * (weights[i] - shared));
        }
    }
}
