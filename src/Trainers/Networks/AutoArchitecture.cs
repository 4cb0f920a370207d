namespace Microsoft.ML.Sla.Networks;

/// <summary>See <see cref="Architecture.Auto"/>.</summary>
internal sealed class AutoArchitecture : Architecture
{
    private const int SmallestSide = 16;
    private const int LargestSmallSide = 64;
    private const int SmallestSideOfPhotos = 32;
    private const int ManyImages = 10_000;

    private enum Size
    {
        Small,
        Narrow,
        Photo,
    }

    public override string Name => "Auto";

    public override int EmbeddingSize => throw NotChosen();

    internal override string? Objection(ImageShape shape) => Objection(shape, SmallestSide, largestSide: int.MaxValue);

    internal override (Architecture Chosen, string? Reason) Choose(ImageShape shape, int images, bool gpu)
    {
        bool areMany = images >= ManyImages;
        Architecture chosen = (SizeOf(shape), gpu) switch
        {
            (Size.Small, false) => areMany ? CifarResNet(32) : ConvNet(),
            (Size.Small, true) => WideResNet(28, areMany ? 10 : 2),
            (Size.Narrow, _) => ConvNet(),
            (_, false) => ResNet(18),
            _ => ResNet(areMany ? 50 : 34),
        };
        return (chosen, $"Architecture.Auto chose {chosen}, as there are {images} images of {shape.Width} x {shape.Height} pixels and the device is a {(gpu ? "GPU" : "CPU")}");
    }

    internal override Layer Describe(int channels) => throw NotChosen();

    private static Size SizeOf(ImageShape shape) =>
        Math.Max(shape.Height, shape.Width) <= LargestSmallSide ? Size.Small
        : Math.Min(shape.Height, shape.Width) < SmallestSideOfPhotos ? Size.Narrow
        : Size.Photo;

    private static InvalidOperationException NotChosen() => new("Architecture.Auto is chosen when the images are known.");
}
