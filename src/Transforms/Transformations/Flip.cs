namespace Microsoft.ML.Sla;

/// <summary>A mirror image: left and right exchanged (horizontal), or top and bottom (vertical).</summary>
internal sealed class Flip(bool horizontal) : Transformation
{
    public bool Horizontal { get; } = horizontal;

    public override string Name => Horizontal ? "horizontal flip" : "vertical flip";

    internal override string? Objection(ImageShape shape) => null;

    private protected override int[] Permute(ImageShape shape) => Horizontal
        ? Gather(shape, (c, h, w) => (c, h, shape.Width - 1 - w))
        : Gather(shape, (c, h, w) => (c, shape.Height - 1 - h, w));
}
