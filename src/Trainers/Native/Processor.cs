using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Sla.Native;

/// <summary>The features of the processor.</summary>
internal static class Processor
{
    /// <summary>Whether the processor has instructions to multiply bfloat16 numbers, with the registers in which oneDNN uses them.</summary>
    public static bool MultipliesBFloat16 { get; } = Avx512F.IsSupported && (HasFeature(subleaf: 1, register: 0, bit: 5) || HasFeature(subleaf: 0, register: 3, bit: 22));

    /// <summary>Whether the processor adds up products of 8-bit numbers in one instruction (AVX512_VNNI, AVX_VNNI, or the dot products of Arm).</summary>
    public static bool MultipliesInt8 { get; } = Dp.IsSupported || HasFeature(subleaf: 0, register: 2, bit: 11) || HasFeature(subleaf: 1, register: 0, bit: 4);

    /// <summary>
    /// Whether it is an AMD processor that does not report its caches in the way that oneDNN asks for them. Virtual machines without the
    /// feature topoext do not. oneDNN then assumes that each cache has one byte.
    /// </summary>
    public static bool HidesItsCaches { get; } = X86Base.IsSupported && HidesCaches(X86Base.CpuId(0, 0).Ecx, X86Base.CpuId(CacheProperties, 0));

    private const int CacheProperties = unchecked((int)0x8000001D);

    /// <summary>
    /// Decides this from ECX of leaf 0, the end of the vendor's name, and from subleaf 0 of leaf 8000001D. There, EBX has the ways, partitions and
    /// line size of the first cache, each minus one, and ECX its sets minus one (AMD APM, vol. 3, appendix E).
    /// </summary>
    internal static bool HidesCaches(int vendor, (int Eax, int Ebx, int Ecx, int Edx) firstCache)
    {
        const int EndOfAuthenticAmd = 0x444D4163;
        return vendor == EndOfAuthenticAmd && firstCache is { Ebx: 0, Ecx: 0 };
    }

    /// <summary>
    /// A bit of CPUID leaf 7: AVX512_BF16 is EAX[5] of subleaf 1, AVX_VNNI EAX[4] of subleaf 1, AVX512_VNNI ECX[11] of subleaf 0, AMX-BF16
    /// EDX[22] of subleaf 0 (Intel SDM, vol. 2A).
    /// </summary>
    private static bool HasFeature(int subleaf, int register, int bit)
    {
        const int ExtendedFeatures = 7;
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < ExtendedFeatures || X86Base.CpuId(ExtendedFeatures, 0).Eax < subleaf)
            return false;

        var (eax, _, ecx, edx) = X86Base.CpuId(ExtendedFeatures, subleaf);
        int value = register switch
        {
            0 => eax,
            2 => ecx,
            _ => edx,
        };
        return (value >> bit & 1) != 0;
    }
}
