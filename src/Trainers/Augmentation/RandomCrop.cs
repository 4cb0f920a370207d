using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Augmentation;

/// <summary>See <see cref="ImageAugmentation.RandomCrop"/>. It only moves pixels and does not interpolate.</summary>
internal sealed class RandomCrop(int padding) : ImageAugmentation
{
    public override string ToString() => $"RandomCrop({padding})";

    internal override string? Objection(ImageShape shape) => padding <= Math.Min(shape.Width, shape.Height)
        ? null
        : $"The border of RandomCrop({padding}) is wider than images of {shape}. Give one of at most {Math.Min(shape.Width, shape.Height)} pixels in Augmentations.";

    internal override void Apply(AugmentedBatch batch, Random random)
    {
        using var scope = NewDisposeScope();
        int rows = batch.Height + (2 * padding);
        int columns = batch.Width + (2 * padding);
        long[] corners = [.. Enumerable.Range(0, batch.Count).Select(_ =>
            ((long)random.Next((2 * padding) + 1) * columns) + random.Next((2 * padding) + 1))];

        Tensor padded = nn.functional.pad(batch.Images, [padding, padding, padding, padding]).view(batch.Count, -1, rows * columns);
        Tensor window = TensorArithmetic.Range(batch.Height, batch.Device).unsqueeze(1).Times(columns).Plus(TensorArithmetic.Range(batch.Width, batch.Device));
        Tensor places = tensor(corners, [batch.Count, 1, 1], device: batch.Device).Plus(window.view(1, 1, -1));
        Tensor crops = padded.gather(2, places.expand(-1, padded.shape[1], -1)).view(batch.Images.shape);
        batch.Replace(crops);
    }
}
