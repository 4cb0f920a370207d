using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Native;

/// <summary>Has oneDNN, which libtorch convolves with on a CPU, do without the sizes of caches that it has read wrong.</summary>
/// <remarks>
/// <para>
/// oneDNN 3.7 asks AMD's processors for their caches in one way only. A virtual machine without the feature topoext answers with
/// zeros, oneDNN takes each cache to be of one byte, and cuts convolutions into blocks by that: some write wrong numbers, beside their
/// result too, and those of 1 x 1 from 256 to 1024 channels (and from 512 to 1024 or 2048, 1024 to 512 or 2048) divide by zero, which ends the process.
/// </para>
/// <para>
/// Where it knows of no caches at all, it takes 32 KB, 512 KB and 1 MB. So this class sets the number of caches to 0, in the object that oneDNN
/// keeps of the processor (<c>Xbyak::util::Cpu</c>), after checking that all else in it is as expected. Where that object is not found, oneDNN
/// is held to its kernels for SSE 4.1, which are right whatever the caches, and slow.
/// </para>
/// </remarks>
internal static unsafe partial class OneDnn
{
    private const string Library = "libtorch_cpu.so";

    /// <summary>dnnl::impl::cpu::x64::cpu(), which makes the object when it is called first.</summary>
    private const string CpuFunction = "_ZN4dnnl4impl3cpu3x643cpuEv";

    /// <summary>at::globalContext(), a function that the library exports and that is in its table of symbols as well.</summary>
    private const string ExportedFunction = "_ZN2at13globalContextEv";

    private const string MaxIsa = "ONEDNN_MAX_CPU_ISA";
    private const string Sse41 = "SSE41";

    /// <summary>Whether oneDNN is held to kernels for old processors, which have no bfloat16.</summary>
    public static bool IsLimited { get; private set; }

    /// <summary>To be called after TorchSharp is loaded and before it convolves.</summary>
    public static void MendCaches()
    {
        if (Processor.HidesItsCaches && !(OperatingSystem.IsLinux() && Forget(FindCaches())))
            Limit();
    }

    /// <summary>Holds oneDNN to kernels for old processors.</summary>
    internal static void Limit()
    {
        // oneDNN reads the variable when it makes its first kernel, such as that of this convolution, and never again.
        using var variable = new NativeVariable(MaxIsa, Sse41);
        using var images = ones(16, 1, 3, 3);
        using var weight = ones(1, 1, 3, 3);
        conv2d(images, weight).Dispose();
        IsLimited = true;
    }

    /// <summary>Has oneDNN forget caches of one byte. False if they are not that.</summary>
    internal static bool Forget(Caches* caches)
    {
        if (caches is null || !caches->AreOfOneByte)
            return false;

        caches->Levels = 0;
        return true;
    }

    /// <summary>What oneDNN knows of the caches, or null if that is not found.</summary>
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

    /// <summary>The part of Xbyak::util::Cpu that is about caches, from the first level on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Caches
    {
        public const int Offset = 28;
        private const int MostLevels = 10;
        private const int LevelsOfAmd = 3;

        public fixed uint Size[MostLevels];
        public fixed uint CoresThatShare[MostLevels];
        public uint Levels;

        /// <summary>Whether this is what oneDNN makes of a processor of AMD that answers with zeros.</summary>
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
