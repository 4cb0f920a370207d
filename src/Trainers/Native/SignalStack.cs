using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Gives threads a larger stack for signals, on Linux on x64, if .NET's stack is too small for the processor.
/// </summary>
/// <remarks>
/// <para>
/// A null reference raises a signal. .NET handles it on a separate stack, which has 12 KB of usable memory. The system first saves the
/// thread's registers there. They have 3 KB with AVX-512. On an Intel processor they have 11 KB as soon as the thread has used AMX, which
/// torch uses for bfloat16 and ONNX Runtime for int8. A NullReferenceException that the program would catch then ends the process.
/// </para>
/// <para>
/// When a thread ends, it must restore .NET's stack, because .NET frees no other, and free the larger one. .NET code can no longer run on the
/// thread then. A machine code function does it instead. The C library calls it as the destructor of a thread-local C++ object.
/// </para>
/// </remarks>
internal static unsafe partial class SignalStack
{
    /// <summary>Bytes for the handler, in addition to the registers.</summary>
    private const int Room = 64 << 10;

    [ThreadStatic]
    private static bool _isEnsured;

    /// <summary>
    /// The largest number of bytes of registers that the system saves; 0 if it does not report it. Linux reports it since version 5.14, and
    /// allows AMX since 5.16.
    /// </summary>
    internal static readonly nuint Registers = MachineCode.IsSupported ? AuxiliaryValue(LargestSignalFrame) : 0;

    /// <summary>Size of a mapping: a page with the description of the former stack, a guard page, and the new stack.</summary>
    private static readonly nuint MappingSize = (2 * Pages.Size) + Pages.RoundUp(Room + Registers);

    private static readonly void* Destructor = MachineCode.IsSupported ? MachineCode.Load(DestructorCode()) : null;

    private const int LargestSignalFrame = 51;

    /// <summary>Call it on a thread before torch or ONNX Runtime computes there. Calls after the first one cost nothing.</summary>
    public static void Ensure()
    {
        if (_isEnsured)
            return;

        _isEnsured = true;
        if (MachineCode.IsSupported && Current() is { IsDisabled: false } current && IsTooSmall(current.Size))
            Enlarge();
    }

    /// <summary>Whether the registers would need more than half of the usable part of a .NET stack, whose first page is a guard.</summary>
    private static bool IsTooSmall(nuint size) => 2 * Registers > size - Pages.Size;

    /// <summary>Gives the current thread a larger stack.</summary>
    /// <returns>Whether the thread now has one.</returns>
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

    /// <summary>The current thread's stack for signals; null if the system does not report it.</summary>
    [SupportedOSPlatform("linux")]
    internal static Description? Current()
    {
        Description current;
        return Set(null, &current) == 0 ? current : null;
    }

    /// <summary>
    /// A function that takes the address of a mapping, restores the former stack, and frees the mapping if that succeeds. It only makes system
    /// calls, which do not change rdi.
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

        /// <summary>SS_DISABLE: the thread has no stack for signals.</summary>
        public readonly bool IsDisabled => (Flags & 2) != 0;
    }
}
