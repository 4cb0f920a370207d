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

    public void Dispose()
    {
        Labels.Dispose();
        OtherLabels?.Dispose();
        Shares?.Dispose();
    }
}
