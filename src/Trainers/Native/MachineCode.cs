using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Short x64 functions that native code calls where it cannot call a .NET method.</summary>
internal static unsafe class MachineCode
{
    /// <summary>Whether the system supports such functions: Linux on x64.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64;

    /// <summary>Puts a function into executable memory, for the lifetime of the process.</summary>
    /// <returns>The address of the function; null if the system only runs code from files.</returns>
    [SupportedOSPlatform("linux")]
    public static void* Load(ReadOnlySpan<byte> code)
    {
        nuint bytes = Pages.RoundUp((nuint)code.Length);
        byte* function = Pages.Map(bytes);
        if (function is null)
            return null;

        code.CopyTo(new Span<byte>(function, code.Length));
        if (Pages.Protect(function, bytes, Pages.Access.Read | Pages.Access.Execute))
            return function;

        Pages.Unmap(function, bytes);
        return null;
    }

    /// <summary>An address as the 8 bytes of an instruction.</summary>
    public static byte[] Bytes(void* address) => BitConverter.GetBytes((long)address);

    /// <summary>A number as the 4 bytes of an instruction.</summary>
    public static byte[] Bytes(int number) => BitConverter.GetBytes(number);
}
