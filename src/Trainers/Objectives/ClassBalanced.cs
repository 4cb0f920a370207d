namespace Microsoft.ML.Sla.Objectives;

/// <summary>See <see cref="ClassWeighting.ClassBalanced"/>.</summary>
internal sealed class ClassBalanced(double beta) : ClassWeighting
{
    public double Beta { get; } = beta;

    public override string ToString() => FormattableString.Invariant($"ClassBalanced({Beta})");

    private protected override double Weight(int count) => (1 - Beta) / (1 - Math.Pow(Beta, count));
}
