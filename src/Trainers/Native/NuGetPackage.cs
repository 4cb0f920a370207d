using System.Reflection;

namespace Microsoft.ML.Sla.Native;

/// <summary>The package of NuGet that an assembly runs from. A script of F# has no folder of its own, and runs packages where NuGet unpacked them.</summary>
internal static class NuGetPackage
{
    /// <summary>The package's folder; null for an assembly in the folder of a program.</summary>
    public static string? FolderOf(Assembly assembly)
    {
        // PACKAGE/VERSION/lib/FRAMEWORK/LIBRARY.dll
        string? lib = Path.GetDirectoryName(Path.GetDirectoryName(assembly.Location));
        return Path.GetFileName(lib) == "lib" && Path.GetDirectoryName(lib) is { } package && Directory.EnumerateFiles(package, "*.nuspec").Any() ? package : null;
    }
}
