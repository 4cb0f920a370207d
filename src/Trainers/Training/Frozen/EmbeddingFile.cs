using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.ML.Sla.Data;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>
/// Embeddings on disk. A training finds them by the hash of the image, so neither another training nor a resumed one computes them again.
/// Records have one size. New ones go to the end, each with a checksum.
/// </summary>
internal sealed class EmbeddingFile : IDisposable
{
    private const int HashBytes = 16;
    private const int ChecksumBytes = 8;

    private readonly SafeFileHandle _file;
    private readonly int _recordBytes;
    private readonly Dictionary<UInt128, long> _records = [];
    private long _end;

    /// <summary>Opens or begins the file.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="network">Hash of the network, which names the file.</param>
    /// <param name="values">Number of values of an image's embeddings.</param>
    /// <exception cref="IOException">The file cannot be written, or another process has it open.</exception>
    public EmbeddingFile(string folder, UInt128 network, int values)
    {
        Directory.CreateDirectory(folder);
        Path = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, $"{RunFolder.EmbeddingsStart}{network:x32}.bin"));
        _recordBytes = HashBytes + (values * sizeof(float)) + ChecksumBytes;
        _file = Open(Path);
        ReadRecords();
    }

    public string Path { get; }

    /// <summary>Number of images that the file has.</summary>
    public int Count => _records.Count;

    /// <summary>Reads the embeddings of an image.</summary>
    /// <returns>Whether the file has them.</returns>
    public bool TryRead(UInt128 image, Span<float> values) =>
        _records.TryGetValue(image, out long position) && _file.TryReadAt(position + HashBytes, MemoryMarshal.AsBytes(values));

    /// <summary>Adds embeddings.</summary>
    public void Write(UInt128 image, ReadOnlySpan<float> values)
    {
        byte[] record = new byte[_recordBytes];
        MemoryMarshal.Write(record, in image);
        MemoryMarshal.AsBytes(values).CopyTo(record.AsSpan(HashBytes));
        MemoryMarshal.Write(record.AsSpan(_recordBytes - ChecksumBytes), XxHash3.HashToUInt64(record.AsSpan(0, _recordBytes - ChecksumBytes)));
        RandomAccess.Write(_file, record, _end);
        _records[image] = _end;
        _end += _recordBytes;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Finds the records. One that is damaged is left out, and one that a kill has cut off is overwritten.</summary>
    private void ReadRecords()
    {
        byte[] record = new byte[_recordBytes];
        for (; _file.TryReadAt(_end, record); _end += _recordBytes)
        {
            if (MemoryMarshal.Read<ulong>(record.AsSpan(_recordBytes - ChecksumBytes)) == XxHash3.HashToUInt64(record.AsSpan(0, _recordBytes - ChecksumBytes)))
                _records[MemoryMarshal.Read<UInt128>(record)] = _end;
        }
    }

    private static SafeFileHandle Open(string path)
    {
        FolderLock.RefuseLink(path);
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new IOException(
                $"'{path}' cannot be opened: another training may have it open. Wait for its end, or set CheckpointFolder to another folder. {exception.Message}", exception);
        }
    }
}
