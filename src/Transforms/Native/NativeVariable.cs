using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Native;

/// <summary>Sets an environment variable for native libraries. Disposing it restores the former value.</summary>
internal sealed partial class NativeVariable : IDisposable
{
    private readonly string _name;
    private readonly string? _before;

    public NativeVariable(string name, string value)
    {
        _name = name;
        _before = Read(name);
        Write(name, value);
    }

    public void Dispose() => Write(_name, _before);

    // On Linux, .NET has its own copy of the environment: native libraries do not see its changes, and it does not see theirs.
    internal static string? Read(string name) =>
        OperatingSystem.IsLinux() ? Marshal.PtrToStringUTF8(GetVariable(name)) : Environment.GetEnvironmentVariable(name);

    internal static void Write(string name, string? value)
    {
        if (!OperatingSystem.IsLinux())
            Environment.SetEnvironmentVariable(name, value);
        else if (value is null)
            _ = RemoveVariable(name);
        else
            _ = SetVariable(name, value, overwrite: 1);
    }

    [LibraryImport("libc.so.6", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetVariable(string name);

    [LibraryImport("libc.so.6", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc.so.6", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveVariable(string name);
}
