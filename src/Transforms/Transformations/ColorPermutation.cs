namespace Microsoft.ML.Sla;

/// <summary>An exchange of the colour channels: order <c>GBR</c> shows green as red, blue as green and red as blue.</summary>
internal sealed class ColorPermutation : Transformation
{
    private const string Channels = "RGB";

    public ColorPermutation(string order)
    {
        if (order.Length != Channels.Length || Channels.Except(order).Any())
            throw new ArgumentException($"'{order}' is not an order of the channels R, G and B.", nameof(order));
        Order = order;
    }

    /// <summary>The source channel of each output channel, such as <c>GBR</c>.</summary>
    public string Order { get; }

    public override string Name => Order;

    internal override string? Objection(ImageShape shape) =>
        shape.Channels != Channels.Length
            ? $"Colour permutations need 3 channels, and these images have {shape.Channels}. "
              + "Use TransformationSet.Rotation, or colour images."
            : null;

    private protected override int[] Permute(ImageShape shape) => Gather(shape, (c, h, w) => (Channels.IndexOf(Order[c], StringComparison.Ordinal), h, w));
}
