namespace Sla;

/// <summary>Where a path leads once all its links are followed.</summary>
internal static class RealPath
{
    /// <summary>How many links may follow one another: as many as Linux allows.</summary>
    private const int MostLinks = 40;

    /// <summary>How names are compared where the file system has no entry to ask: as the system does by default.</summary>
    public static StringComparer NewNames { get; } =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    /// <summary>The absolute path without links, with every name as the file system spells it. What is not there is kept as it is given.</summary>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static string Of(string path) => Of(path, MostLinks);

    /// <summary>Whether a path is a folder, or in it or below it. Both are without links.</summary>
    public static bool IsWithin(string path, string folder) =>
        NewNames.Equals(path, folder) || path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static string Of(string path, int links)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string root = Path.GetPathRoot(full)!;
        string real = root;
        foreach (string name in full[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, name);
            FileSystemInfo entry = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            real = entry.LinkTarget is { } target
                ? links > 0 ? Of(Path.Combine(real, target), links - 1) : throw new IOException($"The links of '{path}' lead in a circle.")
                : Spelled(real, name, next);
        }

        return real;
    }

    /// <summary>The path with the name as the folder has it: a file system may find a file under other letters.</summary>
    private static string Spelled(string folder, string name, string path)
    {
        if (!Path.Exists(path) || NewNames == StringComparer.Ordinal)
            return path;
        try
        {
            string[] names = [.. Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry))];
            string found = names.Contains(name) ? name : names.FirstOrDefault(other => other.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
            return Path.Combine(folder, found);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return path;
        }
    }
}

/// <summary>Finds where many paths lead. Most of them share their folders.</summary>
internal sealed class RealPaths
{
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);

    /// <summary>What <see cref="RealPath.Of(string)"/> gives.</summary>
    public string Of(string file)
    {
        string full = Path.GetFullPath(file);
        if (Path.GetDirectoryName(full) is not { } folder)
            return full;
        if (!_folders.TryGetValue(folder, out string? real))
            _folders.Add(folder, real = RealPath.Of(folder));
        string path = Path.Combine(real, Path.GetFileName(full));
        return new FileInfo(path).LinkTarget is null ? path : RealPath.Of(path);
    }
}
