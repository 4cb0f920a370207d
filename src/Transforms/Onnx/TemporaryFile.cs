using System.Collections.Concurrent;

namespace Microsoft.ML.Sla.Onnx;

/// <summary>A file that lives as long as its owner: deleted on Dispose, by the finalizer, or when the process exits.</summary>
/// <remarks>ML.NET reads an ONNX model from a path, and reads that path again whenever the model is saved.</remarks>
internal sealed class TemporaryFile : IDisposable
{
    private static readonly ConcurrentDictionary<string, byte> Living = new();

    static TemporaryFile() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (string path in Living.Keys)
            Delete(path);
    };

    public TemporaryFile(byte[] content, string extension)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"sla-{Guid.NewGuid():N}{extension}");
        Living.TryAdd(Path, 0);
        File.WriteAllBytes(Path, content);
    }

    ~TemporaryFile() => Delete(Path);

    public string Path { get; }

    public void Dispose()
    {
        Delete(Path);
        GC.SuppressFinalize(this);
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
            Living.TryRemove(path, out _);
        }
        catch (IOException)
        {
            // Windows: ONNX Runtime still holds the file; the attempt at process exit follows.
        }
    }
}
