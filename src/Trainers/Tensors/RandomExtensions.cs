namespace Microsoft.ML.Sla.Tensors;

/// <summary>Random values that .NET's generator does not offer.</summary>
internal static class RandomExtensions
{
    public static double Uniform(this Random random, double from, double to) => from + ((to - from) * random.NextDouble());

    /// <summary>A value for each of <paramref name="count"/> images.</summary>
    public static float[] ForEach(int count, Func<double> draw) => [.. Enumerable.Range(0, count).Select(_ => (float)draw())];

    /// <summary>A permutation of the numbers below <paramref name="count"/>.</summary>
    public static long[] Permutation(this Random random, int count)
    {
        long[] numbers = [.. Enumerable.Range(0, count).Select(number => (long)number)];
        random.Shuffle(numbers);
        return numbers;
    }

    /// <summary>A value of the distribution Beta(alpha, alpha), as the share of one of two Gamma values.</summary>
    public static double Beta(this Random random, double alpha)
    {
        double a = random.LogGamma(alpha);
        double b = random.LogGamma(alpha);
        return 1 / (1 + Math.Exp(b - a));
    }

    /// <summary>The logarithm of a value of Gamma(alpha, 1) (Marsaglia and Tsang 2000). The value itself may be too small for a double.</summary>
    private static double LogGamma(this Random random, double alpha)
    {
        if (alpha < 1)
            return random.LogGamma(alpha + 1) + (Math.Log(1 - random.NextDouble()) / alpha);

        double d = alpha - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = random.Normal();
            double v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
                return Math.Log(d * v);
        }
    }

    /// <summary>A standard normal value (Box and Muller 1958).</summary>
    public static double Normal(this Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
