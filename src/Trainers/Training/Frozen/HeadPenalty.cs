namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// The L2 penalty on the weights of linear heads (docs/method.md, frozen backbones). The weights of a joint head are a sum of three parts: what a
/// class has in all views, what a view has for all classes, and the rest, in which a class differs between views.
/// </summary>
/// <param name="Strength">The penalty on all weights.</param>
/// <param name="OnDifferences">Factor to <paramref name="Strength"/> for the part of a joint head in which classes differ between views.</param>
internal readonly record struct HeadPenalty(double Strength, double OnDifferences = 1)
{
    /// <summary>Adds the penalty's gradient.</summary>
    /// <param name="weights">The weights of a head: outputs x D. Those of a joint head come class by class.</param>
    /// <param name="gradient">Receives the gradient.</param>
    /// <param name="views">M for a joint head; 1 for another.</param>
    /// <param name="classes">N for a joint head; the number of outputs for another.</param>
    /// <returns>The penalty's value.</returns>
    public double AddGradient(ReadOnlySpan<double> weights, Span<double> gradient, int classes, int views)
    {
        double[] shared = views == 1 || OnDifferences == 1 ? [] : Shared(weights, classes, views);
        double value = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            double slope = shared.Length == 0 ? weights[i] : shared[i] + (OnDifferences * (weights[i] - shared[i]));
            value += Strength / 2 * weights[i] * slope;
            gradient[i] += Strength * slope;
        }

        return value;
    }

    public override string ToString() =>
        FormattableString.Invariant($"{Strength:G3}") + (OnDifferences == 1 ? "" : FormattableString.Invariant($", {OnDifferences:G3} times on differences between views"));

    /// <summary>The parts that a class has in all views and a view for all classes, together.</summary>
    private static double[] Shared(ReadOnlySpan<double> weights, int classes, int views)
    {
        int size = weights.Length / (classes * views);
        double[] ofClass = new double[classes * size], ofView = new double[views * size], ofAll = new double[size];
        for (int i = 0; i < weights.Length; i++)
        {
            int output = i / size, value = i % size;
            ofClass[(output / views * size) + value] += weights[i] / views;
            ofView[(output % views * size) + value] += weights[i] / classes;
            ofAll[value] += weights[i] / (classes * views);
        }

        double[] shared = new double[weights.Length];
        for (int i = 0; i < shared.Length; i++)
        {
            int output = i / size, value = i % size;
            shared[i] = ofClass[(output / views * size) + value] + ofView[(output % views * size) + value] - ofAll[value];
        }

        return shared;
    }
}
