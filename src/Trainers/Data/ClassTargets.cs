using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Data;

/// <summary>The labels of a batch: one an image or, where images were mixed, two with their shares.</summary>
/// <param name="Labels">B class labels (int64).</param>
/// <param name="OtherLabels">B class labels of the images mixed in; null where none were.</param>
/// <param name="Shares">B shares of <paramref name="Labels"/>, 0 to 1; the rest is <paramref name="OtherLabels"/>'.</param>
internal sealed record ClassTargets(Tensor Labels, Tensor? OtherLabels = null, Tensor? Shares = null) : IDisposable
{
    /// <summary>Whether the loss weights the images by class, where the objective has class weights.</summary>
    public bool AreWeighted { get; init; } = true;

    public void Dispose()
    {
        Labels.Dispose();
        OtherLabels?.Dispose();
        Shares?.Dispose();
    }
}
