using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Microsoft.ML.Sla.Native;

/// <summary>Functions of a few instructions for x64, for what native code calls where no method of .NET can be called.</summary>
internal static unsafe class MachineCode
{
    /// <summary>Whether this is a system for such functions, Linux on x64.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64;

    /// <summary>Puts a function where it can be run, as long as the process lives.</summary>
    /// <returns>Its address; null where the system runs no code that was not in a file.</returns>
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

    /// <summary>A number of 8 bytes as it stands in an instruction.</summary>
    public static byte[] Bytes(void* address) => BitConverter.GetBytes((long)address);

    /// <summary>A number of 4 bytes as it stands in an instruction.</summary>
    public static byte[] Bytes(int number) => BitConverter.GetBytes(number);
}
