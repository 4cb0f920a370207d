using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>The labels of a batch: one for each image or, if images are mixed, two with their shares.</summary>
/// <param name="Labels">B class labels (int64).</param>
/// <param name="OtherLabels">B class labels of the images mixed in; null without mixing.</param>
/// <param name="Shares">B shares of <paramref name="Labels"/>, 0 to 1. <paramref name="OtherLabels"/> have the rest.</param>
internal sealed record ClassTargets(Tensor Labels, Tensor? OtherLabels = null, Tensor? Shares = null) : IDisposable
{
    /// <summary>Whether the loss weights the images by class, if the objective has class weights.</summary>
    public bool AreWeighted { get; init; } = true;

    /// <summary>The images that this batch is a piece of; null if it is all of them. The losses of all pieces add up to the loss of the whole.</summary>
    public WholeBatch? Whole { get; init; }

    /// <summary>Number of images that a mean of losses is over.</summary>
    public long Images => Whole?.Images ?? Labels.shape[0];

    public void Dispose()
    {
        Labels.Dispose();
        OtherLabels?.Dispose();
        Shares?.Dispose();
    }
}

/// <summary>What the loss of a batch is divided by.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="Weight">The sum of their weights.</param>
internal sealed record WholeBatch(int Images, double Weight);
