using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>The environment that native libraries see.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable for libraries that read it from now on.</summary>
    public static void Set(string name, string value)
    {
        // On Linux, .NET keeps changes of its own environment to itself.
        if (OperatingSystem.IsLinux())
            _ = SetVariable(name, value, overwrite: 1);
        else
            Environment.SetEnvironmentVariable(name, value);
    }

    [LibraryImport("libc.so.6", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
