using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>
/// A rectangle of an image: columns from <paramref name="Left"/> to below <paramref name="Right"/>, rows from <paramref name="Top"/> to
/// below <paramref name="Bottom"/>.
/// </summary>
internal readonly record struct Box(int Left, int Top, int Right, int Bottom)
{
    public int Area => (Right - Left) * (Bottom - Top);

    /// <summary>A box around a random pixel, clipped to the image.</summary>
    public static Box Random(Random random, int imageWidth, int imageHeight, int width, int height)
    {
        int left = random.Next(imageWidth) - (width / 2);
        int top = random.Next(imageHeight) - (height / 2);
        return new Box(Math.Max(0, left), Math.Max(0, top), Math.Min(imageWidth, left + width), Math.Min(imageHeight, top + height));
    }

    /// <summary>Which pixels lie in the boxes: B x 1 x H x W.</summary>
    public static Tensor Mask(IReadOnlyList<Box> boxes, int height, int width, Device device)
    {
        using var scope = NewDisposeScope();
        Tensor rows = TensorArithmetic.Range(height, device).view(1, 1, -1, 1);
        Tensor columns = TensorArithmetic.Range(width, device).view(1, 1, 1, -1);
        Tensor Edge(Func<Box, int> edge) => tensor(boxes.Select(edge).ToArray(), [boxes.Count, 1, 1, 1], device: device);
        return ((rows >= Edge(box => box.Top)) & (rows < Edge(box => box.Bottom)) & (columns >= Edge(box => box.Left)) & (columns < Edge(box => box.Right)))
            .MoveToOuterDisposeScope();
    }
}
