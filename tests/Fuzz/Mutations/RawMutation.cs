using System.Buffers.Binary;

namespace Microsoft.ML.Sla.Fuzz.Mutations;

/// <summary>Changes bytes of a file, whatever they mean.</summary>
internal static class RawMutation
{
    private const int MostChanges = 4;
    private const int LongestBlock = 256;
    private const int LongestFile = 1 << 20;

    /// <summary>The bytes at either end in which formats keep their sizes and signatures.</summary>
    private const int EndBytes = 64;

    private static readonly byte[] Bytes = [0, 0xFF, 0x7F, 0x80, 1];

    /// <summary>Sizes at which programs break: none, one, just below and above what types hold, and more than there is memory for.</summary>
    private static readonly long[] Sizes =
    [
        0, 1, 2, 3, -1, -2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 10_000, 20_000, 60_000, 1 << 20, 100_000_000, 1 << 28, 1 << 30,
        int.MaxValue - 1, int.MaxValue, int.MinValue, 0xFFFF_FFFE, uint.MaxValue, 1L << 32, (1L << 32) + 1, 1L << 62, long.MaxValue, long.MinValue,
    ];

    /// <summary>One change in half of the cases, some in the others.</summary>
    public static byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        int changes = random.Next(2) == 0 ? 1 : random.Next(2, MostChanges + 1);
        for (int change = 0; change < changes && file.Length > 0; change++)
            file = Change(file, others, random);
        return file;
    }

    public static byte[] FlipBit(byte[] file, Random random) => FlipBit(file, random.NextInt64(8L * file.Length));

    public static long Size(Random random) => Sizes[random.Next(Sizes.Length)];

    /// <summary>Sets an integer of 16, 32 or 64 bits, in either order of bytes, to a size; or two in a row, as width and height are.</summary>
    public static void SetInteger(Span<byte> bytes, Random random)
    {
        long size = Size(random);
        bool isBig = random.Next(2) == 0;
        int count = random.Next(3) == 0 ? 2 : 1;
        Span<byte> value = stackalloc byte[sizeof(long)];
        if (isBig)
            BinaryPrimitives.WriteInt64BigEndian(value, size);
        else
            BinaryPrimitives.WriteInt64LittleEndian(value, size);
        int width = 2 << random.Next(3);
        value = isBig ? value[^width..] : value[..width];
        for (; count > 0 && bytes.Length >= width; count--)
        {
            value.CopyTo(bytes);
            bytes = bytes[width..];
        }
    }

    private static byte[] FlipBit(byte[] file, long bit)
    {
        byte[] flipped = [.. file];
        flipped[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        return flipped;
    }

    private static byte[] Change(byte[] file, IReadOnlyList<byte[]> others, Random random)
    {
        int place = Place(file.Length, random);
        int length = Math.Min(random.Next(1, LongestBlock), file.Length - place);
        var block = file.AsSpan(place, length);
        switch (random.Next(10))
        {
            case 0 or 1:
                return FlipBit(file, (8L * place) + random.Next(8));
            case 2:
                byte[] set = [.. file];
                set[place] = random.Next(2) == 0 ? Bytes[random.Next(Bytes.Length)] : (byte)random.Next(256);
                return set;
            case 3 or 4:
                byte[] resized = [.. file];
                SetInteger(resized.AsSpan(place), random);
                return resized;
            case 5:
                return file[..place];
            case 6 when file.Length + length < LongestFile:
                return [.. file.AsSpan(0, place), .. block, .. file.AsSpan(place)];
            case 7:
                return [.. file.AsSpan(0, place), .. file.AsSpan(place + length)];
            case 8 when file.Length + length < LongestFile:
                byte[] inserted = new byte[length];
                if (random.Next(2) == 0)
                    random.NextBytes(inserted);
                return [.. file.AsSpan(0, place), .. inserted, .. file.AsSpan(place)];
            case 9:
                byte[] other = others[random.Next(others.Count)];
                return [.. file.AsSpan(0, place), .. other.AsSpan(Math.Min(place, other.Length))];
            default:
                return FlipBit(file, random);
        }
    }

    /// <summary>A place: half of them at the ends, mostly the beginning.</summary>
    private static int Place(int length, Random random) => random.Next(8) switch
    {
        < 3 => random.Next(Math.Min(length, EndBytes)),
        3 => length - 1 - random.Next(Math.Min(length, EndBytes)),
        _ => random.Next(length),
    };
}
