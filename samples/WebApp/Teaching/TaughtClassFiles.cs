using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace WebApp;

/// <summary>
/// The classes that were taught, a file each. A file has the embeddings of the images, and not the images. Its name is a hash of the class's name, so that
/// no text of a client is part of a path. It is written beside the old one and then takes its place: whole or not at all, also where the program is killed.
/// </summary>
internal sealed partial class TaughtClassFiles(string folder, string embedding, ILogger logger)
{
    private const string Extension = ".json";

    /// <summary>Changes with the files, also where another process shares the folder.</summary>
    public DateTime Version => Directory.GetLastWriteTimeUtc(folder);

    /// <summary>The embeddings of each class. Files that are broken or of another embedding are left out, and logged.</summary>
    public Dictionary<string, float[][]> Read()
    {
        Directory.CreateDirectory(folder);
        var classes = new Dictionary<string, float[][]>(StringComparer.Ordinal);
        foreach (string path in Directory.GetFiles(folder, "*" + Extension))
        {
            try
            {
                if (JsonSerializer.Deserialize<TaughtClass>(File.ReadAllBytes(path)) is { } taught && taught.Embedding == embedding)
                    classes[taught.Name] = [.. taught.Images.Select(bytes => MemoryMarshal.Cast<byte, float>(bytes).ToArray())];
                else
                    LogOther(path);
            }
            catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
            {
                LogBroken(path, exception);
            }
        }

        return classes;
    }

    /// <summary>Writes a class, or writes it anew.</summary>
    public void Write(string name, IEnumerable<float[]> images)
    {
        Directory.CreateDirectory(folder);
        string path = PathOf(name), part = $"{path}.{Guid.NewGuid():N}";
        using (var stream = File.Create(part))
        {
            JsonSerializer.Serialize(stream, new TaughtClass(name, embedding, [.. images.Select(values => MemoryMarshal.AsBytes<float>(values).ToArray())]));
            stream.Flush(flushToDisk: true);
        }

        File.Move(part, path, overwrite: true);
    }

    public void Delete(string name) => File.Delete(PathOf(name));

    private string PathOf(string name) => Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name))) + Extension);

    [LoggerMessage(Level = LogLevel.Error, Message = "The class in {Path} is left out: the file is broken")]
    private partial void LogBroken(string path, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The class in {Path} is left out: it was taught on another embedding")]
    private partial void LogOther(string path);

    private sealed record TaughtClass(string Name, string Embedding, IReadOnlyList<byte[]> Images);
}
