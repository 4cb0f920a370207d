namespace Microsoft.ML.Sla.Training;

/// <summary>What a network makes of each of some rows.</summary>
/// <param name="Labels">The class of each, counted from 0.</param>
/// <param name="IsRight">Whether its class is the most probable one.</param>
/// <param name="Losses">Its cross-entropy, in nats.</param>
internal sealed record RowScores(int[] Labels, bool[] IsRight, float[] Losses)
{
    /// <summary>Share of the rows that are right, 0 to 1.</summary>
    public double Accuracy => IsRight.Average(right => right ? 1.0 : 0);

    /// <summary>Mean over the classes that occur of the share of their rows that are right, 0 to 1.</summary>
    public double MacroAccuracy => Labels.Zip(IsRight).GroupBy(row => row.First).Average(rows => rows.Average(row => row.Second ? 1.0 : 0));

    /// <summary>Mean cross-entropy, in nats.</summary>
    public double Loss => Losses.Average(loss => (double)loss);
}
