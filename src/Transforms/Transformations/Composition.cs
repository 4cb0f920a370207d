namespace Microsoft.ML.Sla;

/// <summary>One transformation after another.</summary>
internal sealed class Composition(Transformation first, Transformation second) : Transformation
{
    public Transformation First { get; } = first;

    public Transformation Second { get; } = second;

    public override string Name => $"{First.Name} {Second.Name}";

    internal override string? Objection(ImageShape shape) => First.Objection(shape) ?? Second.Objection(shape);

    private protected override int[] Permute(ImageShape shape)
    {
        int[] first = First.GetPermutation(shape);
        return Array.ConvertAll(Second.GetPermutation(shape), middle => first[middle]);
    }
}
