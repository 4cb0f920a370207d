using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Sla.Native;

/// <summary>What the processor can do.</summary>
internal static class Processor
{
    /// <summary>Whether it multiplies bfloat16 numbers by instructions of its own, in registers that oneDNN uses them in.</summary>
    public static bool MultipliesBFloat16 { get; } = Avx512F.IsSupported && (HasFeature(subleaf: 1, register: 0, bit: 5) || HasFeature(subleaf: 0, register: 3, bit: 22));

    /// <summary>A bit of CPUID leaf 7: AVX512_BF16 is EAX[5] of subleaf 1, AMX-BF16 is EDX[22] of subleaf 0 (Intel SDM, vol. 2A).</summary>
    private static bool HasFeature(int subleaf, int register, int bit)
    {
        const int ExtendedFeatures = 7;
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < ExtendedFeatures || X86Base.CpuId(ExtendedFeatures, 0).Eax < subleaf)
            return false;

        var (eax, _, _, edx) = X86Base.CpuId(ExtendedFeatures, subleaf);
        return ((register == 0 ? eax : edx) >> bit & 1) != 0;
    }
}
