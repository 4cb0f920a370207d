namespace Sla;

/// <summary>What a command reads and what it writes, so that it never replaces what it reads.</summary>
internal sealed class FileRoles
{
    private readonly Dictionary<string, (string Option, bool IsWritten)> _paths = new(RealPath.NewNames);

    /// <summary>Notes files or folders that the command reads. What is not there cannot be replaced.</summary>
    /// <exception cref="InputException">One of them is written.</exception>
    public FileRoles Read(string option, params IEnumerable<string?> paths)
    {
        var real = new RealPaths();
        foreach (string path in paths.OfType<string>().Where(Path.Exists))
        {
            string found = real.Of(path);
            if (!_paths.TryGetValue(found, out var other))
                _paths.Add(found, (option, IsWritten: false));
            else if (other.IsWritten)
                throw Conflict(other.Option, option, path);
        }

        return this;
    }

    /// <summary>Notes a file or folder that the command writes.</summary>
    /// <exception cref="InputException">It is read, or written for another option.</exception>
    public FileRoles Write(string option, string? path)
    {
        if (path is not null && !_paths.TryAdd(RealPath.Of(path), (option, IsWritten: true)))
            throw Conflict(option, _paths[RealPath.Of(path)].Option, path);
        return this;
    }

    private static InputException Conflict(string written, string other, string path) =>
        new($"{written} and {other} name the same, '{path}'. Give another {written.Split(' ')[0]}.");
}
