namespace Microsoft.ML.Sla.Objectives;

/// <summary>See <see cref="ClassWeighting.None"/>.</summary>
internal sealed class NoWeighting : ClassWeighting
{
    public override string ToString() => "None";

    private protected override double Weight(int count) => 1;
}
