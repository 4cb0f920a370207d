using System.IO.Enumeration;

namespace Sla;

/// <summary>A folder that the library keeps a run in. Files of others in it are never touched.</summary>
/// <param name="path">The folder.</param>
internal sealed class OwnFolder(string path)
{
    /// <summary>The file from which a training goes on, and the one from which a search does.</summary>
    public const string Checkpoint = "checkpoint.safetensors", Search = "search.json";

    /// <summary>The names of the files that the library writes there and below, and of the folders below.</summary>
    private static readonly string[] Files = ["checkpoint.safetensors*", "embeddings-*", "search.*", "trials.jsonl", "*.lock"], Folders = ["embeddings", "trial-*", "training", "fold-*", "all-rows"];

    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>Whether it has nothing in it, or is not there.</summary>
    public bool IsEmpty => !Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any();

    /// <summary>Whether it has the file.</summary>
    public bool Has(string name) => File.Exists(System.IO.Path.Combine(path, name));

    /// <summary>What a run that ended left in it to go on from, in words; null if nothing.</summary>
    public string? Kept() => Has(Checkpoint) ? "The last checkpoint"
        : Directory.Exists(path) && Directory.EnumerateFiles(path, "embeddings-*.bin").Any() ? "What the network made of the images" : null;

    /// <exception cref="InputException">It is a file, or has something in it that the library did not write.</exception>
    public void CheckHasNothingElse(string option)
    {
        if (File.Exists(path))
            throw new InputException($"'{path}' is a file. Give a folder as {option}.");
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).FirstOrDefault(entry => !IsOwn(entry)) is { } other)
            throw new InputException($"'{path}' has other files in it, such as '{System.IO.Path.GetFileName(other)}'. Give an empty folder, or a new one, as {option}.");
    }

    /// <summary>Deletes what the library wrote, and the folder if nothing is left in it. A folder that another run is in stays as it is.</summary>
    public void Delete()
    {
        if (Directory.Exists(path) && Directory.EnumerateFiles(path, "*.lock").All(IsFree))
            DeleteOwn(path, isOwn: true);
    }

    /// <summary>Whether no run holds a lock.</summary>
    private static bool IsFree(string file)
    {
        try
        {
            using var held = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception is FileNotFoundException;
        }
    }

    private static void DeleteOwn(string folder, bool isOwn)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string below in Directory.GetDirectories(folder).Where(below => new DirectoryInfo(below).LinkTarget is null))
            DeleteOwn(below, isOwn: IsOwnFolder(below));
        foreach (string file in Directory.GetFiles(folder).Where(IsOwn))
            File.Delete(file);
        if (isOwn && !Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    private static bool IsOwn(string entry) => Directory.Exists(entry) ? IsOwnFolder(entry) : Matches(Files, entry);

    private static bool IsOwnFolder(string folder) => Matches(Folders, folder);

    private static bool Matches(string[] names, string path) =>
        names.Any(name => FileSystemName.MatchesSimpleExpression(name, System.IO.Path.GetFileName(path), ignoreCase: false));
}
