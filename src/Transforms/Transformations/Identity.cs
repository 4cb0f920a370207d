namespace Microsoft.ML.Sla;

/// <summary>The first transformation t_1 of a set: the unchanged image.</summary>
internal sealed class Identity : Transformation
{
    public override string Name => "identity";

    internal override string? Objection(ImageShape shape) => null;

    private protected override int[] Permute(ImageShape shape) => Gather(shape, (c, h, w) => (c, h, w));
}
