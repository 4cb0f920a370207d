using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Images;

/// <summary>
/// The bytes of an image file, read into memory. A mapped file would end the process if another program truncated it.
/// </summary>
internal sealed unsafe class FileBytes : IDisposable
{
    private const int Maximum = 1 << 30;
    private const int FirstCapacity = 1 << 16;

    private byte* _start;
    private int _length;
    private int _capacity;

    private FileBytes()
    {
    }

    /// <summary>The bytes of the file.</summary>
    public ReadOnlySpan<byte> Span => new(_start, _length);

    /// <summary>Reads a stream from the current position to the end.</summary>
    /// <param name="stream">The stream. The caller keeps ownership.</param>
    /// <param name="name">The name of the image in messages.</param>
    /// <exception cref="InvalidDataException">The stream has more than 1 GiB.</exception>
    public static FileBytes Read(Stream stream, string name)
    {
        // One byte more than the stream should have, because only another read shows that it has ended.
        long capacity = stream.CanSeek ? Math.Max(stream.Length - stream.Position + 1, FirstCapacity) : FirstCapacity;
        var bytes = new FileBytes();
        try
        {
            while (capacity <= Maximum + 1L)
            {
                bytes.Reserve((int)capacity);
                var free = new Span<byte>(bytes._start + bytes._length, (int)capacity - bytes._length);
                int read = stream.ReadAtLeast(free, free.Length, throwOnEndOfStream: false);
                bytes._length += read;
                if (read < free.Length)
                    return bytes;
                capacity = capacity <= Maximum ? Math.Min(2 * capacity, Maximum + 1L) : long.MaxValue;
            }

            throw TooLarge(name);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>No bytes yet; <see cref="Append"/> adds them.</summary>
    public static FileBytes Empty() => new();

    /// <summary>Adds bytes that were read from a stream.</summary>
    /// <param name="some">The bytes.</param>
    /// <param name="name">The name of the image in messages.</param>
    /// <exception cref="InvalidDataException">There are more than 1 GiB.</exception>
    public void Append(ReadOnlySpan<byte> some, string name)
    {
        if (some.Length > Maximum - _length)
            throw TooLarge(name);
        if (_length + some.Length > _capacity)
            Reserve(Math.Max(FirstCapacity, Math.Min(2 * (_length + some.Length), Maximum)));
        some.CopyTo(new Span<byte>(_start + _length, some.Length));
        _length += some.Length;
    }

    public void Dispose()
    {
        NativeMemory.Free(_start);
        _start = null;
        (_length, _capacity) = (0, 0);
    }

    private static InvalidDataException TooLarge(string name) => new($"{name} cannot be used: its file has more than 1 GiB.");

    private void Reserve(int capacity)
    {
        _start = (byte*)NativeMemory.Realloc(_start, (nuint)capacity);
        _capacity = capacity;
    }
}
