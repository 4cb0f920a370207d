using System.Buffers.Binary;
using System.IO.Compression;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes what is in a saved model and writes the archive again, with right checksums; or the archive itself.</summary>
internal static class ArchiveMutation
{
    private const string OnnxEntry = "OnnxModel";

    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        switch (random.Next(16))
        {
            case < 4:
                return RawMutation.Mutate(file, others, random);
            case < 6:
                return ChangeDeclaredSize(file, random);
            case < 8:
                var entries = ArchiveFile.Read(file);
                ChangeEntries(entries, others, random);
                return Write(entries, random);
            default:
                return Write([.. ArchiveFile.Read(file).Select(entry => (entry.Name, IsOnnx(entry) ? WithOnnx(entry.Bytes, random) : entry.Bytes))], random);
        }
    }

    private static bool IsOnnx((string Name, byte[] Bytes) entry) => entry.Name.EndsWith(OnnxEntry, StringComparison.Ordinal);

    /// <summary>The entry holds the number of bytes, and the bytes.</summary>
    private static byte[] WithOnnx(byte[] entry, Random random)
    {
        byte[] before = entry[sizeof(int)..];
        byte[] onnx = OnnxMutation.Mutate(before, [before], random);
        byte[] after = [.. new byte[sizeof(int)], .. onnx];
        BinaryPrimitives.WriteInt32LittleEndian(after, random.Next(16) == 0 ? (int)RawMutation.Size(random) : onnx.Length);
        return after;
    }

    private static void ChangeEntries(List<(string Name, byte[] Bytes)> entries, IReadOnlyList<byte[]> others, Random random)
    {
        int index = random.Next(entries.Count);
        var (name, bytes) = entries[index];
        switch (random.Next(6))
        {
            case 0:
                entries.RemoveAt(index);
                break;
            case 1:
                entries.Add(entries[index]);
                break;
            case 2:
                entries[index] = (name + (random.Next(2) == 0 ? "x" : "/../" + OnnxEntry), bytes);
                break;
            case 3:
                entries.AddRange(ArchiveFile.Read(others[random.Next(others.Count)]).Select(entry => ("other/" + entry.Name, entry.Bytes)));
                break;
            default:
                entries[index] = (name, RawMutation.Mutate(bytes, [bytes], random));
                break;
        }
    }

    /// <summary>Sets a number in the header of an entry, before the entry or in the directory at the end.</summary>
    private static byte[] ChangeDeclaredSize(byte[] file, Random random)
    {
        const int HeaderLength = 46;
        byte[] changed = [.. file];
        var headers = new List<int>();
        for (int place = 0; place + HeaderLength < file.Length; place++)
        {
            if (file.AsSpan(place).StartsWith("PK\x01\x02"u8) || file.AsSpan(place).StartsWith("PK\x03\x04"u8) || file.AsSpan(place).StartsWith("PK\x05\x06"u8))
                headers.Add(place);
        }

        if (headers.Count > 0)
            RawMutation.SetInteger(changed.AsSpan(headers[random.Next(headers.Count)] + random.Next(4, HeaderLength - sizeof(long))), random);
        return changed;
    }

    private static byte[] Write(List<(string Name, byte[] Bytes)> entries, Random random) =>
        ArchiveFile.Write(entries, random.Next(2) == 0 ? CompressionLevel.NoCompression : CompressionLevel.Fastest);
}
