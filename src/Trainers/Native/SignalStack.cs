using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Gives threads a larger stack for signals, on Linux on x64, where the one that .NET gives them is too small for the processor.
/// </summary>
/// <remarks>
/// <para>
/// A null reference is a signal first. .NET handles it on a stack of its own, of which 12 KB can be used. The system saves the thread's
/// registers there before: 3 KB with AVX-512. On an Intel processor with AMX it is 11 KB as soon as the thread has used AMX, as torch does for
/// bfloat16 and ONNX Runtime for int8. Then a NullReferenceException that the program would catch ends the process.
/// </para>
/// <para>
/// A thread that ends gets .NET's stack back, since .NET frees no other, and frees the larger one. No code of .NET can run on it then. So a
/// function of machine code does that, which the C library calls as the destructor of a thread-local object of C++.
/// </para>
/// </remarks>
internal static unsafe partial class SignalStack
{
    /// <summary>Bytes for the handler, beside the registers.</summary>
    private const int Room = 64 << 10;

    [ThreadStatic]
    private static bool _isEnsured;

    /// <summary>
    /// Bytes of registers at most that the system saves. Linux says it since version 5.14, and lets AMX be used since 5.16. 0 where it does
    /// not say it.
    /// </summary>
    internal static readonly nuint Registers = MachineCode.IsSupported ? AuxiliaryValue(LargestSignalFrame) : 0;

    /// <summary>A mapping: a page with the stack of before, a page that nobody may touch, and the stack.</summary>
    private static readonly nuint MappingSize = (2 * Pages.Size) + Pages.RoundUp(Room + Registers);

    private static readonly void* Destructor = MachineCode.IsSupported ? MachineCode.Load(DestructorCode()) : null;

    private const int LargestSignalFrame = 51;

    /// <summary>To be called on a thread before torch or ONNX Runtime compute on it; costs nothing after the first time.</summary>
    public static void Ensure()
    {
        if (_isEnsured)
            return;

        _isEnsured = true;
        if (MachineCode.IsSupported && Current() is { IsDisabled: false } current && IsTooSmall(current.Size))
            Enlarge();
    }

    /// <summary>Whether the registers would take more than half of what can be used of a stack of .NET, whose first page is a guard.</summary>
    private static bool IsTooSmall(nuint size) => 2 * Registers > size - Pages.Size;

    /// <summary>Gives the current thread a larger stack.</summary>
    /// <returns>Whether it has one.</returns>
    [SupportedOSPlatform("linux")]
    internal static bool Enlarge()
    {
        if (Destructor is null || Current() is not { IsDisabled: false } before)
            return false;

        byte* mapping = Pages.Map(MappingSize);
        if (mapping is null)
            return false;

        *(Description*)mapping = before;
        byte* guard = mapping + Pages.Size;
        var larger = new Description { Start = guard + Pages.Size, Size = MappingSize - (2 * Pages.Size) };
        if (!Pages.Protect(guard, Pages.Size, Pages.Access.None) || Set(&larger, null) != 0)
        {
            Pages.Unmap(mapping, MappingSize);
            return false;
        }

        if (AtThreadExit(Destructor, mapping, library: null) == 0)
            return true;

        _ = Set(&before, null);
        Pages.Unmap(mapping, MappingSize);
        return false;
    }

    /// <summary>The current thread's stack for signals; null where the system does not say.</summary>
    [SupportedOSPlatform("linux")]
    internal static Description? Current()
    {
        Description current;
        return Set(null, &current) == 0 ? current : null;
    }

    /// <summary>
    /// A function of the address of a mapping: sets the stack of before, and frees the mapping where that succeeds. It calls the system and nothing
    /// else, which leaves rdi as it is.
    /// </summary>
    private static byte[] DestructorCode() =>
    [
        0x31, 0xF6, // xor esi, esi
        0xB8, .. MachineCode.Bytes(131), // mov eax, sigaltstack
        0x0F, 0x05, // syscall
        0x85, 0xC0, // test eax, eax
        0x75, 12, // jnz end
        0xBE, .. MachineCode.Bytes((int)MappingSize), // mov esi, MappingSize
        0xB8, .. MachineCode.Bytes(11), // mov eax, munmap
        0x0F, 0x05, // syscall
        0xC3, // end: ret
    ];

    [LibraryImport("libc.so.6", EntryPoint = "sigaltstack")]
    internal static partial int Set(Description* stack, Description* before);

    [LibraryImport("libc.so.6", EntryPoint = "getauxval")]
    private static partial nuint AuxiliaryValue(nuint type);

    [LibraryImport("libc.so.6", EntryPoint = "__cxa_thread_atexit_impl")]
    private static partial int AtThreadExit(void* destructor, void* argument, void* library);

    /// <summary>stack_t of signal.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Description
    {
        public byte* Start;
        public int Flags;
        public nuint Size;

        /// <summary>SS_DISABLE: there is none.</summary>
        public readonly bool IsDisabled => (Flags & 2) != 0;
    }
}
