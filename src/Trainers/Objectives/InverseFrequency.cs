namespace Microsoft.ML.Sla.Objectives;

/// <summary>See <see cref="ClassWeighting.InverseFrequency"/>.</summary>
internal sealed class InverseFrequency : ClassWeighting
{
    public override string ToString() => "InverseFrequency";

    private protected override double Weight(int count) => 1.0 / count;
}
