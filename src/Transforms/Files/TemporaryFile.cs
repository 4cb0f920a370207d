using System.Collections.Concurrent;

namespace Microsoft.ML.Sla.Files;

/// <summary>A file that lives as long as its owner.</summary>
/// <remarks>
/// ML.NET reads an ONNX model from a path, and reads that path again whenever the model is saved. On Linux the file has no name in the temporary
/// folder: it is deleted at once, and the path is that of the open file. So nobody can exchange it, and nothing is left of it when the process is
/// killed. On other systems it is deleted by Dispose, by the finalizer, or when the process exits.
/// </remarks>
internal sealed class TemporaryFile : IDisposable
{
    private static readonly ConcurrentDictionary<string, byte> Named = new();

    private readonly FileStream? _unnamed;

    static TemporaryFile() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (string path in Named.Keys)
            Delete(path);
    };

    /// <exception cref="IOException">The temporary folder cannot be used; the message says what to do.</exception>
    public TemporaryFile(byte[] content, string extension)
    {
        FileStream? stream = null;
        try
        {
            stream = PrivateFile.Create(System.IO.Path.GetTempPath(), "sla-", extension, FileShare.Read | FileShare.Delete);
            Path = Unnamed(stream) ?? stream.Name;
            stream.Write(content);
            if (Path == stream.Name)
                stream.Dispose();
            else
                _unnamed = stream;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            if (stream is not null)
                Delete(stream.Name);
            throw TemporaryFolder.Unusable(exception);
        }
    }

    ~TemporaryFile() => Release();

    public string Path { get; }

    public void Dispose()
    {
        _unnamed?.Dispose();
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes the file's name away. The system then frees it at the latest when the process ends.</summary>
    /// <returns>The path of the open file; null where the system has none.</returns>
    private static string? Unnamed(FileStream stream)
    {
        string path = $"/proc/self/fd/{stream.SafeFileHandle.DangerousGetHandle()}";
        if (OperatingSystem.IsLinux() && File.Exists(path))
        {
            File.Delete(stream.Name);
            return path;
        }

        Named.TryAdd(stream.Name, 0);
        return null;
    }

    private void Release()
    {
        if (Named.ContainsKey(Path))
            Delete(Path);
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
            Named.TryRemove(path, out _);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Windows: ONNX Runtime still holds the file; the attempt at process exit follows.
        }
    }
}
