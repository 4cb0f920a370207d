namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// How many of the most confident predictions of held-out rows are wrong, for each confidence at which predictions may be refused (Geifman and
/// El-Yaniv 2017, Selective Classification for Deep Neural Networks).
/// </summary>
/// <param name="Confidences">The lowest confidence that is accepted, from the highest to the lowest.</param>
/// <param name="Accepted">Number of rows that have this confidence or more.</param>
/// <param name="Wrong">How many of these are predicted wrongly.</param>
internal sealed record ErrorCurve(float[] Confidences, int[] Accepted, int[] Wrong)
{
    /// <summary>Points that are kept. More would not move a threshold by more than 0.2 % of the rows.</summary>
    private const int MostPoints = 512;

    /// <summary>Number of held-out rows.</summary>
    private int Rows => Accepted[^1];

    /// <summary>Measures the curve.</summary>
    /// <param name="confidences">The confidence of each row, one or more.</param>
    /// <param name="isRight">Whether each row is predicted rightly.</param>
    public static ErrorCurve Of(float[] confidences, bool[] isRight)
    {
        int[] order = [.. Enumerable.Range(0, confidences.Length).OrderByDescending(row => confidences[row])];
        var points = new List<(float Confidence, int Accepted, int Wrong)>();
        int wrong = 0;
        for (int i = 0; i < order.Length; i++)
        {
            wrong += isRight[order[i]] ? 0 : 1;

            // Rows of the same confidence are accepted together.
            bool isLastOfTie = i == order.Length - 1 || confidences[order[i + 1]] < confidences[order[i]];
            if (isLastOfTie)
                points.Add((confidences[order[i]], i + 1, wrong));
        }

        int kept = Math.Min(points.Count, MostPoints);
        points = [.. Enumerable.Range(1, kept).Select(i => points[(int)((long)points.Count * i / kept) - 1])];
        return new ErrorCurve([.. points.Select(p => p.Confidence)], [.. points.Select(p => p.Accepted)], [.. points.Select(p => p.Wrong)]);
    }

    /// <summary>
    /// Chooses the lowest confidence for an error rate. Of k accepted rows with e errors, (e + 1) / (k + 1) must be at most the rate: a threshold that
    /// was chosen on few rows would otherwise promise too much.
    /// </summary>
    /// <param name="errorRate">The wanted share of errors among accepted predictions, above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not between 0 and 1, or no threshold is known to keep it.</exception>
    public ConfidenceThreshold ThresholdFor(double errorRate)
    {
        if (!(errorRate is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(errorRate), errorRate, "The error rate must be above 0 and below 1, such as 0.05 for one error in 20 predictions.");

        int place = Enumerable.Range(0, Accepted.Length).LastOrDefault(i => Bound(i) <= errorRate, -1);
        if (place < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(errorRate),
                errorRate,
                FormattableString.Invariant($"No threshold is known to keep this error rate on the {Rows} rows that were kept from the training. ")
                + FormattableString.Invariant($"The lowest rate that they can show is {LowestRate():0.###}: ask for that or more, or give more validation rows."));
        }

        return new ConfidenceThreshold
        {
            Confidence = Confidences[place],
            Coverage = (double)Accepted[place] / Rows,
            ErrorRate = (double)Wrong[place] / Accepted[place],
        };
    }

    /// <exception cref="InvalidDataException">The values cannot be a curve.</exception>
    public void Check()
    {
        bool isCurve = Confidences.Length > 0 && Accepted.Length == Confidences.Length && Wrong.Length == Confidences.Length && Array.TrueForAll(Confidences, float.IsFinite);
        for (int i = 0; isCurve && i < Confidences.Length; i++)
        {
            isCurve = Wrong[i] >= 0 && Wrong[i] <= Accepted[i] && Accepted[i] > 0
                && (i == 0 || (Confidences[i] < Confidences[i - 1] && Accepted[i] > Accepted[i - 1] && Wrong[i] >= Wrong[i - 1]));
        }

        if (!isCurve)
            throw new InvalidDataException($"its {Confidences.Length} confidences and their errors are not a curve.");
    }

    private double LowestRate() => Math.Ceiling(1000 * Enumerable.Range(0, Accepted.Length).Min(Bound)) / 1000;

    private double Bound(int place) => (Wrong[place] + 1.0) / (Accepted[place] + 1);
}
