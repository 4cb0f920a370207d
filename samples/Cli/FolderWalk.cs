using System.Formats.Tar;

namespace Sla;

/// <summary>Finds the image files below folders, each file once, whatever links lead to it.</summary>
/// <param name="onUnreadable">Receives each folder that cannot be read.</param>
internal sealed class FolderWalk(Action<string, Exception> onUnreadable)
{
    private static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp" };

    /// <summary>What systems and programs put next to a user's files.</summary>
    private static readonly HashSet<string> SystemNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found", "#recycle",
    };

    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly Queue<(int Root, string Path, string RealFolder)> _links = new();
    private readonly List<(int Root, string Path)> _images = [];
    private readonly List<string> _known = [], _broken = [], _others = [], _special = [];

    /// <summary>The endings of the names of images, in words.</summary>
    public static string Endings => string.Join(", ", Extensions);

    /// <summary>Whether a name is one of the user's: not hidden, and none that the system made.</summary>
    public static bool IsVisible(string path) => Path.GetFileName(path) is var name && !name.StartsWith('.') && !SystemNames.Contains(name);

    public static bool IsImage(string path) => Extensions.Contains(Path.GetExtension(path));

    /// <summary>Whether a path leads to a file with contents that stay, and not to a pipe, a socket or a device, which reading could wait for.</summary>
    /// <param name="realPath">The path, without links.</param>
    public static bool IsFile(string realPath)
    {
        try
        {
            var file = new FileInfo(realPath);
            if (!file.Exists || file.Length > 0)
                return file.Exists;

            // The archive is the one place in .NET where an empty file and a pipe differ without being opened.
            using var archive = new MemoryStream();
            using (var writer = new TarWriter(archive, leaveOpen: true))
                writer.WriteEntry(file.FullName, "file");
            archive.Position = 0;
            using var reader = new TarReader(archive);
            return reader.GetNextEntry()?.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile;
        }
        catch (IOException)
        {
            // A socket has no place in an archive.
            return false;
        }
    }

    /// <summary>Finds the images below each of some folders. A real file is found before a link to it.</summary>
    /// <param name="folders">The folders.</param>
    /// <param name="above">The folder of all, which no link may lead back to; null where there is none.</param>
    /// <returns>The images of each folder, in ordinal order of their paths.</returns>
    public IReadOnlyList<IReadOnlyList<string>> Find(IReadOnlyList<string> folders, string? above = null)
    {
        if (above is not null)
            _seen.Add(RealPath.Of(above));
        for (int root = 0; root < folders.Count; root++)
        {
            string folder = folders[root];
            if (above is null || new DirectoryInfo(folder).LinkTarget is null)
                Walk(root, folder, RealPath.Of(folder));
            else
                _links.Enqueue((root, folder, RealPath.Of(above)));
        }

        while (_links.TryDequeue(out var link))
            Follow(link.Root, link.Path, link.RealFolder);
        var byRoot = _images.ToLookup(image => image.Root, image => image.Path);
        return [.. Enumerable.Range(0, folders.Count).Select(root => (IReadOnlyList<string>)[.. byRoot[root].Order(StringComparer.Ordinal)])];
    }

    /// <summary>Says what was left out.</summary>
    public void Note()
    {
        NoteLeftOut(_others, $"not named as an image of a kind that is read ({Endings})");
        NoteLeftOut(_special, "not a file that can be read twice, such as a pipe");
        NoteLeftOut(_known, "a link to what is there already");
        NoteLeftOut(_broken, "a link to nothing");
    }

    public static void NoteLeftOut(IReadOnlyList<string> paths, string why)
    {
        if (paths.Count > 0)
            Terminal.Note($"Left out '{paths[0]}'{(paths.Count > 1 ? $" and {paths.Count - 1} more" : "")}: {why}.");
    }

    private void Walk(int root, string folder, string real)
    {
        if (!_seen.Add(real))
            return;
        (string Name, bool IsLink, bool IsFolder)[] entries;
        try
        {
            entries =
            [
                .. from entry in new DirectoryInfo(folder).EnumerateFileSystemInfos()
                   where IsVisible(entry.Name)
                   select (entry.Name, entry.LinkTarget is not null, entry is DirectoryInfo),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            onUnreadable(folder, exception);
            return;
        }

        foreach (var (name, isLink, isFolder) in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, name);
            if (isLink)
                _links.Enqueue((root, path, real));
            else if (isFolder)
                Walk(root, path, Path.Combine(real, name));
            else
                Add(root, path, Path.Combine(real, name));
        }
    }

    /// <summary>Follows a link, unless it leads to a folder that it is in, or to what was found already.</summary>
    private void Follow(int root, string link, string realFolder)
    {
        string? real = Target(link);
        if (real is null || !Path.Exists(real))
            _broken.Add(link);
        else if (_seen.Contains(real) || RealPath.IsWithin(realFolder, real))
            _known.Add(link);
        else if (Directory.Exists(real))
            Walk(root, link, real);
        else
            Add(root, link, real);
    }

    private static string? Target(string link)
    {
        try
        {
            return RealPath.Of(link);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Add(int root, string path, string real)
    {
        if (!IsImage(path))
            _others.Add(path);
        else if (!IsFile(real))
            _special.Add(path);
        else if (_seen.Add(real))
            _images.Add((root, path));
    }
}
