using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes the header of a safetensors file and writes its length again, or values, or bytes.</summary>
internal static class SafetensorsMutation
{
    private const string MetadataKey = "__metadata__";

    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        string header = Encoding.UTF8.GetString(file, sizeof(long), length);
        byte[] values = file[(sizeof(long) + length)..];
        return random.Next(8) switch
        {
            0 or 1 => RawMutation.Mutate(file, others, random),
            2 or 3 => Write(ChangeMetadata(header, random), values),
            4 => Write(header, ChangeValues(values, random)),
            _ => Write(JsonMutation.Mutate(header, random), values),
        };
    }

    /// <summary>Changes one of the texts in the metadata, which may be JSON themselves.</summary>
    private static string ChangeMetadata(string header, Random random)
    {
        var root = JsonNode.Parse(header)!;
        if (root[MetadataKey] is not JsonObject { Count: > 0 } metadata)
            return JsonMutation.Mutate(header, random);
        string name = metadata.ElementAt(random.Next(metadata.Count)).Key;
        metadata[name] = JsonMutation.Mutate(metadata[name]!.GetValue<string>(), random);
        return root.ToJsonString();
    }

    private static byte[] ChangeValues(byte[] values, Random random)
    {
        if (random.Next(2) == 0)
            return RawMutation.Mutate(values, [values], random);
        var floats = MemoryMarshal.Cast<byte, float>(values.AsSpan());
        floats[random.Next(floats.Length)] = random.Next(3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.MaxValue };
        return values;
    }

    private static byte[] Write(string header, byte[] values)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. values];
    }
}
