namespace Microsoft.ML.Sla.Training;

/// <summary>The scores of rows by a network.</summary>
/// <param name="Labels">The class of each row, counted from 0.</param>
/// <param name="IsRight">Whether the network predicts the class of each row.</param>
/// <param name="Losses">The cross-entropy of each row, in nats.</param>
internal sealed record RowScores(int[] Labels, bool[] IsRight, float[] Losses)
{
    /// <summary>Share of the rows predicted correctly, 0 to 1.</summary>
    public double Accuracy => IsRight.Average(right => right ? 1.0 : 0);

    /// <summary>The share of correct rows of each class, averaged over the classes that occur, 0 to 1.</summary>
    public double MacroAccuracy => Labels.Zip(IsRight).GroupBy(row => row.First).Average(rows => rows.Average(row => row.Second ? 1.0 : 0));

    /// <summary>Mean cross-entropy, in nats.</summary>
    public double Loss => Losses.Average(loss => (double)loss);
}
