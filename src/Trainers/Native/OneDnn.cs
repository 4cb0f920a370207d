using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Native;

/// <summary>Makes oneDNN, with which libtorch convolves on a CPU, ignore cache sizes that it has read wrong.</summary>
/// <remarks>
/// <para>
/// oneDNN 3.7 asks AMD's processors for their caches in one way only. A virtual machine without the feature topoext answers with
/// zeros. oneDNN then assumes caches of one byte, and splits convolutions into blocks for them. Some convolutions write wrong numbers, even
/// outside their result. Those of 1 x 1 from 256 to 1024 channels (and from 512 to 1024 or 2048, 1024 to 512 or 2048) divide by zero, which
/// ends the process.
/// </para>
/// <para>
/// If oneDNN knows no caches at all, it assumes 32 KB, 512 KB and 1 MB. This class therefore sets the number of caches to 0 in oneDNN's object
/// for the processor (<c>Xbyak::util::Cpu</c>), after it has checked that the rest of the object is as expected. If it does not find the object, it
/// limits oneDNN to the kernels for SSE 4.1, which are slow but correct for all cache sizes.
/// </para>
/// </remarks>
internal static unsafe partial class OneDnn
{
    private const string Library = "libtorch_cpu.so";

    /// <summary>dnnl::impl::cpu::x64::cpu(), which makes the object on its first call.</summary>
    private const string CpuFunction = "_ZN4dnnl4impl3cpu3x643cpuEv";

    /// <summary>at::globalContext(), a function that the library exports and that is also in its symbol table.</summary>
    private const string ExportedFunction = "_ZN2at13globalContextEv";

    private const string MaxIsa = "ONEDNN_MAX_CPU_ISA";
    private const string Sse41 = "SSE41";

    /// <summary>Whether oneDNN is limited to kernels for old processors, which have no bfloat16.</summary>
    public static bool IsLimited { get; private set; }

    /// <summary>Corrects the cache sizes. Call it after TorchSharp is loaded and before it convolves.</summary>
    public static void MendCaches()
    {
        if (Processor.HidesItsCaches && !(OperatingSystem.IsLinux() && Forget(FindCaches())))
            Limit();
    }

    /// <summary>Limits oneDNN to kernels for old processors.</summary>
    internal static void Limit()
    {
        // oneDNN reads the variable only once, when it makes its first kernel. This convolution makes it.
        using var variable = new NativeVariable(MaxIsa, Sse41);
        using var images = ones(16, 1, 3, 3);
        using var weight = ones(1, 1, 3, 3);
        conv2d(images, weight).Dispose();
        IsLimited = true;
    }

    /// <summary>Makes oneDNN forget caches of one byte. Returns false if the caches have other sizes.</summary>
    internal static bool Forget(Caches* caches)
    {
        if (caches is null || !caches->AreOfOneByte)
            return false;

        caches->Levels = 0;
        return true;
    }

    /// <summary>oneDNN's data about the caches; null if they are not found.</summary>
    [SupportedOSPlatform("linux")]
    internal static Caches* FindCaches()
    {
        try
        {
            nint exported = NativeLibrary.GetExport(NativeLibrary.Load(Library), ExportedFunction);
            if (DescribeAddress(exported, out Description description) == 0)
                return null;

            string path = Marshal.PtrToStringUTF8(description.Path) ?? "";
            if (ElfSymbols.Find(path, ExportedFunction) is not { } exportedAt || ElfSymbols.Find(path, CpuFunction) is not { } cpuAt)
                return null;

            var cpu = (delegate* unmanaged<byte*>)(exported + (nint)(cpuAt - exportedAt));
            return (Caches*)(cpu() + Caches.Offset);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "dladdr")]
    private static partial int DescribeAddress(nint address, out Description description);

    /// <summary>The part of Xbyak::util::Cpu for caches, from the first level on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Caches
    {
        public const int Offset = 28;
        private const int MostLevels = 10;
        private const int LevelsOfAmd = 3;

        public fixed uint Size[MostLevels];
        public fixed uint CoresThatShare[MostLevels];
        public uint Levels;

        /// <summary>Whether the data are those for an AMD processor that answers with zeros.</summary>
        public bool AreOfOneByte
        {
            get
            {
                for (int level = 0; level < MostLevels; level++)
                {
                    uint expected = level < LevelsOfAmd ? 1u : 0u;
                    if (Size[level] != expected || CoresThatShare[level] != expected)
                        return false;
                }

                return Levels == LevelsOfAmd;
            }
        }
    }

    /// <summary>Dl_info of dlfcn.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Description
    {
        public nint Path;
        public nint Base;
        public nint SymbolName;
        public nint SymbolAddress;
    }
}
