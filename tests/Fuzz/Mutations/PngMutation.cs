using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes the parts of a PNG file and gives them right checksums, or the file.</summary>
internal static class PngMutation
{
    private const int SignatureLength = 8;

    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        if (random.Next(2) == 0)
            return RawMutation.Mutate(file, others, random);
        var chunks = Chunks(file);
        int index = random.Next(4) == 0 ? 0 : random.Next(chunks.Count);
        var (type, data) = chunks[index];
        switch (random.Next(8))
        {
            case 0:
                chunks.RemoveAt(index);
                break;
            case 1:
                chunks.Insert(random.Next(chunks.Count), chunks[index]);
                break;
            case 2 when type == "IDAT" && chunks.Count(chunk => chunk.Type == type) == 1:
                byte[] pixels = Decompress(data);
                chunks[index] = (type, Compress(RawMutation.Mutate(pixels, [pixels], random)));
                break;
            default:
                chunks[index] = (type, RawMutation.Mutate(data, [data], random));
                break;
        }

        return Write(file.AsSpan(0, SignatureLength), chunks);
    }

    private static List<(string Type, byte[] Data)> Chunks(byte[] file)
    {
        const int AroundData = 12;
        var chunks = new List<(string, byte[])>();
        for (int place = SignatureLength; place + AroundData <= file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(place));
            chunks.Add((Encoding.Latin1.GetString(file, place + 4, 4), file[(place + 8)..(place + 8 + length)]));
            place += AroundData + length;
        }

        return chunks;
    }

    private static byte[] Write(ReadOnlySpan<byte> signature, List<(string Type, byte[] Data)> chunks)
    {
        using var file = new MemoryStream();
        file.Write(signature);
        Span<byte> number = stackalloc byte[sizeof(uint)];
        foreach (var (type, data) in chunks)
        {
            byte[] checkedBytes = [.. Encoding.Latin1.GetBytes(type), .. data];
            BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
            file.Write(number);
            file.Write(checkedBytes);
            BinaryPrimitives.WriteUInt32BigEndian(number, Checksum(checkedBytes));
            file.Write(number);
        }

        return file.ToArray();
    }

    private static byte[] Decompress(byte[] data)
    {
        using var stream = new ZLibStream(new MemoryStream(data), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static byte[] Compress(byte[] bytes)
    {
        using var file = new MemoryStream();
        using (var stream = new ZLibStream(file, CompressionMode.Compress, leaveOpen: true))
            stream.Write(bytes);
        return file.ToArray();
    }

    /// <summary>CRC-32, as the PNG specification has it.</summary>
    private static uint Checksum(byte[] bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte value in bytes)
        {
            sum ^= value;
            for (int bit = 0; bit < 8; bit++)
                sum = (sum & 1) == 0 ? sum >> 1 : (sum >> 1) ^ 0xEDB88320;
        }

        return ~sum;
    }
}
