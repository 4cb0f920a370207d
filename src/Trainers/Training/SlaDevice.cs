namespace Microsoft.ML.Sla;

/// <summary>Where a network is trained.</summary>
public enum SlaDevice
{
    /// <summary>The GPU if TorchSharp finds one, otherwise the CPU.</summary>
    Auto,

    /// <summary>The CPU. Training is repeatable bit for bit.</summary>
    Cpu,

    /// <summary>The first CUDA GPU.</summary>
    Cuda,
}
