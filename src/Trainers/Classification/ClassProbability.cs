namespace Microsoft.ML.Sla;

/// <summary>A class and its probability.</summary>
public readonly record struct ClassProbability
{
    internal ClassProbability(string label, float probability) => (Label, Probability) = (label, probability);

    /// <summary>The name of the class.</summary>
    public string Label { get; }

    /// <summary>The probability, 0 to 1.</summary>
    public float Probability { get; }

    /// <summary>Takes it apart.</summary>
    /// <param name="label">The name of the class.</param>
    /// <param name="probability">The probability.</param>
    public void Deconstruct(out string label, out float probability) => (label, probability) = (Label, Probability);
}
