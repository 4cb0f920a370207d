namespace Microsoft.ML.Sla;

/// <summary>A value measured on episodes: its mean with a confidence interval.</summary>
public sealed record EpisodeMean
{
    /// <summary>95% of a normal distribution lies within this number of standard errors of the mean.</summary>
    private const double StandardErrors = 1.96;

    /// <summary>Computes the mean and the interval.</summary>
    /// <param name="values">The values of the episodes, two or more.</param>
    /// <exception cref="ArgumentException">There are fewer than two values.</exception>
    public EpisodeMean(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count < 2)
            throw new ArgumentException($"An interval needs two values or more, and there are {values.Count}.", nameof(values));
        Values = values;
        Mean = values.Average();
        double variance = values.Sum(value => (value - Mean) * (value - Mean)) / (values.Count - 1);
        HalfWidth = StandardErrors * Math.Sqrt(variance / values.Count);
    }

    /// <summary>The values of the episodes, in their order.</summary>
    public IReadOnlyList<double> Values { get; }

    /// <summary>The mean of the values.</summary>
    public double Mean { get; }

    /// <summary>Half the width of the 95% confidence interval: 1.96 times the standard error of the mean.</summary>
    public double HalfWidth { get; }

    /// <summary>The mean difference to another value measured on the same episodes, with the interval of the differences.</summary>
    /// <param name="other">The value to subtract.</param>
    /// <returns>The difference.</returns>
    /// <exception cref="ArgumentException">The numbers of episodes differ.</exception>
    public EpisodeMean Minus(EpisodeMean other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other.Values.Count == Values.Count
            ? new EpisodeMean([.. Values.Zip(other.Values, (value, otherValue) => value - otherValue)])
            : throw new ArgumentException($"There are {Values.Count} episodes here and {other.Values.Count} there: evaluate both on the same ones.", nameof(other));
    }
}
