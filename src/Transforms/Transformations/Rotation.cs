namespace Microsoft.ML.Sla;

/// <summary>A rotation by quarter turns, counter-clockwise, as torch's rot90 over the axes (H, W).</summary>
internal sealed class Rotation : Transformation
{
    public Rotation(int quarterTurns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(quarterTurns);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quarterTurns, 3);
        QuarterTurns = quarterTurns;
    }

    /// <summary>Number of quarter turns, 0 to 3.</summary>
    public int QuarterTurns { get; }

    public override string Name => $"{90 * QuarterTurns}°";

    internal override string? Objection(ImageShape shape) =>
        QuarterTurns % 2 == 1 && shape.Height != shape.Width
            ? $"Rotation by {Name} needs square images, and these are {shape.Width} pixels wide and {shape.Height} high. "
              + "Resize them to a square, or use TransformationSet.Rotation2 (0° and 180°)."
            : null;

    private protected override int[] Permute(ImageShape shape)
    {
        int bottom = shape.Height - 1, right = shape.Width - 1;
        return QuarterTurns switch
        {
            0 => Gather(shape, (c, h, w) => (c, h, w)),
            1 => Gather(shape, (c, h, w) => (c, w, right - h)),
            2 => Gather(shape, (c, h, w) => (c, bottom - h, right - w)),
            _ => Gather(shape, (c, h, w) => (c, bottom - w, h)),
        };
    }
}
