namespace Microsoft.ML.Sla.Tests;

/// <summary>The files that this process has open, whether they still have a name or not. Known on Linux.</summary>
internal static class OpenFiles
{
    private const string Descriptors = "/proc/self/fd";

    /// <summary>The open files of a folder.</summary>
    /// <returns>The descriptor as a path, and the name of the file, which ends with "(deleted)" if the file has none any more.</returns>
    public static List<(string Descriptor, string Name)> Of(string folder)
    {
        var files = new List<(string, string)>();
        foreach (string descriptor in Directory.EnumerateFileSystemEntries(Descriptors))
        {
            if (TargetOf(descriptor) is { } name && name.StartsWith(folder + "/", StringComparison.Ordinal))
                files.Add((descriptor, name));
        }

        return files;
    }

    /// <summary>Null for one that another thread has closed meanwhile.</summary>
    private static string? TargetOf(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
