using TorchSharp;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Counts tensors, to compare with a later count.</summary>
internal static class LiveTensors
{
    /// <summary>The number of tensors, without those that earlier tests left to the finaliser: it could free them before the later count.</summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
