using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.Sla.Tensors;

namespace Microsoft.ML.Sla.Networks;

/// <summary>
/// A file of named tensors in the safetensors format: the length of a JSON header, the header with type, shape and place of each
/// tensor, and the values, little-endian and row-major. Reading it runs no code of the file, and reads only what is asked for.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    private const int LengthBytes = sizeof(ulong);
    private const string MetadataKey = "__metadata__";

    /// <summary>The format's own limit on headers.</summary>
    private const int LargestHeader = 100_000_000;

    private readonly FileStream _stream;
    private readonly long _dataStart;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    private SafetensorsFile(string path)
    {
        Path = path;
        _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            byte[] header = ReadHeader();
            _dataStart = LengthBytes + header.Length;
            ParseHeader(header);
            CheckPlaces();
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    public string Path { get; }

    /// <summary>The names of the tensors, in the order of the header.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is not of the format; the message says where.</exception>
    public static SafetensorsFile Open(string path) => new(path);

    /// <summary>Whether the beginning of a file is that of a safetensors file: a header that can be, and begins as JSON does.</summary>
    /// <param name="start">The first bytes of a file, 9 or more.</param>
    public static bool IsSafetensors(ReadOnlySpan<byte> start) =>
        start.Length > LengthBytes && BinaryPrimitives.ReadUInt64LittleEndian(start) <= LargestHeader && start[LengthBytes] == (byte)'{';

    public long[] Shape(string name) => [.. Find(name).Shape];

    /// <summary>The values of a tensor as 32-bit floats, row-major.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it is not of a floating-point type.</exception>
    public float[] Read(string name)
    {
        var entry = Find(name);
        if (entry.End - entry.Start > Array.MaxLength)
            throw new InvalidDataException($"The tensor '{name}' of '{Path}' has {entry.End - entry.Start} bytes; {Array.MaxLength} can be read.");
        var bytes = new byte[entry.End - entry.Start];
        RandomAccess(bytes, _dataStart + entry.Start);
        return entry.Type switch
        {
            "F32" => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
            "F64" => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), value => (float)value),
            "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), value => (float)value),
            "BF16" => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), bits => BitConverter.Int32BitsToSingle(bits << 16)),
            _ => throw new InvalidDataException(
                $"The tensor '{name}' of '{Path}' is of type {entry.Type}; weights must be of type F32, F64, F16 or BF16. Convert it with tensor.float() before saving."),
        };
    }

    /// <summary>Writes tensors of 32-bit floats.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Names, shapes and values. The sequence is read twice.</param>
    /// <param name="metadata">Texts by name.</param>
    public static void Write(
        Stream stream, IReadOnlyCollection<(string Name, long[] Shape, float[] Values)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        byte[] header = Header(tensors, metadata);
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (_, _, values) in tensors)
            stream.Write(MemoryMarshal.AsBytes<float>(values));
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>The header, filled up with spaces to a multiple of 8 bytes, so that the values are aligned.</summary>
    private static byte[] Header(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WritePropertyName(MetadataKey);
            JsonSerializer.Serialize(json, metadata);
            long start = 0;
            foreach (var (name, shape, values) in tensors)
            {
                json.WritePropertyName(name);
                JsonSerializer.Serialize(json, new { dtype = "F32", shape, data_offsets = new[] { start, start += (long)values.Length * sizeof(float) } });
            }

            json.WriteEndObject();
        }

        while (buffer.Length % LengthBytes != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private byte[] ReadHeader()
    {
        Span<byte> start = stackalloc byte[LengthBytes];
        if (_stream.ReadAtLeast(start, LengthBytes, throwOnEndOfStream: false) < LengthBytes)
            throw Malformed("it is shorter than the length of its header");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > LargestHeader || (long)length > _stream.Length - LengthBytes)
            throw Malformed($"its header of {length} bytes is longer than the file, which has {_stream.Length}, or than the format allows");
        var header = new byte[length];
        _stream.ReadExactly(header);
        return header;
    }

    private void ParseHeader(byte[] header)
    {
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                    Metadata = property.Value.EnumerateObject().ToDictionary(text => text.Name, text => text.Value.GetString() ?? throw new FormatException($"the text '{text.Name}' is null"));
                else
                    _entries.Add(property.Name, Entry.Of(property.Value));
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw Malformed($"its header cannot be read ({exception.Message})", exception);
        }
    }

    private void CheckPlaces()
    {
        long end = 0;
        foreach (var (name, entry) in _entries.OrderBy(pair => pair.Value.Start).ThenBy(pair => pair.Value.End))
        {
            if (entry.Start != end || entry.End < entry.Start || entry.End > _stream.Length - _dataStart)
                throw Malformed($"the values of '{name}', {entry.Start} to {entry.End}, overlap others, leave a gap or lie outside of the file");
            if (entry.ValueBytes is { } size && TensorShape.Bytes(entry.Shape, size) is var bytes && bytes != entry.End - entry.Start)
                throw Malformed($"'{name}', {entry.Type} of shape [{string.Join(", ", entry.Shape)}], needs {bytes?.ToString(CultureInfo.InvariantCulture) ?? "more than 2^63"} bytes and has {entry.End - entry.Start}");
            end = entry.End;
        }

        if (end != _stream.Length - _dataStart)
            throw Malformed($"it has {_stream.Length - _dataStart} bytes of values, and its header speaks of {end}");
    }

    private void RandomAccess(Span<byte> bytes, long offset)
    {
        _stream.Position = offset;
        _stream.ReadExactly(bytes);
    }

    private Entry Find(string name) =>
        _entries.TryGetValue(name, out var entry) ? entry : throw new InvalidDataException($"'{Path}' has no tensor named '{name}'.");

    private InvalidDataException Malformed(string what, Exception? reason = null) =>
        new($"'{Path}' is not a safetensors file: {what}. Write it again, with safetensors.torch.save_file for example.", reason);

    private sealed record Entry(string Type, long[] Shape, long Start, long End)
    {
        /// <summary>Bytes of a value; null for a type that is not known here.</summary>
        public int? ValueBytes => Type switch
        {
            "BOOL" or "U8" or "I8" => 1,
            "I16" or "U16" or "F16" or "BF16" => 2,
            "I32" or "U32" or "F32" => 4,
            "I64" or "U64" or "F64" => 8,
            _ => null,
        };

        public static Entry Of(JsonElement json)
        {
            long[] offsets = Numbers(json, "data_offsets");
            long[] shape = Numbers(json, "shape");
            if (offsets.Length != 2 || shape.Any(side => side < 0))
                throw new FormatException("a place has two ends, and no side is negative");
            return new Entry(json.GetProperty("dtype").GetString() ?? throw new FormatException("a type is null"), shape, offsets[0], offsets[1]);

            static long[] Numbers(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(number => number.GetInt64())];
        }
    }
}
