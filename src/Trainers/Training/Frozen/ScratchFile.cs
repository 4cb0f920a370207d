using Microsoft.ML.Sla.Files;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>A file for values that memory has no room for.</summary>
/// <remarks>
/// Its name is deleted while it is open. The system then frees its disk space at the latest when the process ends, even if that is killed.
/// It is not mapped into memory: a full or broken disk would end the process, where a read or write is an exception.
/// </remarks>
internal sealed class ScratchFile : IDisposable
{
    private readonly long _length;
    private readonly FileStream _stream;

    /// <summary>Makes the file, and reserves disk space for it.</summary>
    /// <param name="folder">Its folder. It is made if it does not exist.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="IOException">The folder takes no file of this length; the message says what to do.</exception>
    public ScratchFile(string folder, long length)
    {
        (_length, Folder) = (length, Path.GetFullPath(folder));
        try
        {
            _stream = Open();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(exception);
        }
    }

    public string Folder { get; }

    /// <summary>Reads bytes from a position. Those that were never written are 0.</summary>
    /// <exception cref="IOException">The disk does not read.</exception>
    public void Read(long position, Span<byte> bytes)
    {
        if (!_stream.SafeFileHandle.TryReadAt(position, bytes))
            throw new EndOfStreamException($"A temporary file in '{Folder}' was cut off by another program.");
    }

    /// <summary>Writes bytes to a position.</summary>
    /// <exception cref="IOException">The disk is full; the message says what to do.</exception>
    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_stream.SafeFileHandle, bytes, position);
        }
        catch (IOException exception)
        {
            throw Unusable(exception);
        }
    }

    public void Dispose() => _stream.Dispose();

    private FileStream Open()
    {
        Directory.CreateDirectory(Folder);
        var stream = PrivateFile.Create(Folder, RunFolder.EmbeddingsStart, ".tmp", FileShare.Delete, _length);
        try
        {
            File.Delete(stream.Name);
            stream.SetLength(_length);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private IOException Unusable(Exception exception) => new(
        $"The embeddings take {_length} bytes, which is more than EmbeddingMemory, and '{Folder}' takes no file of them: {exception.Message.TrimEnd('.')}. "
        + "Free space there, set CheckpointFolder to another folder, or raise EmbeddingMemory.",
        exception);
}
