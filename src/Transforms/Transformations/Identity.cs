namespace Microsoft.ML.Sla;

/// <summary>t_1 of every set: the image as it is.</summary>
internal sealed class Identity : Transformation
{
    public override string Name => "identity";

    internal override string? Objection(ImageShape shape) => null;

    private protected override int[] Permute(ImageShape shape) => Gather(shape, (c, h, w) => (c, h, w));
}
