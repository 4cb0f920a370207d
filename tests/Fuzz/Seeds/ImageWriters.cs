namespace Microsoft.ML.Sla.Fuzz.Seeds;

/// <summary>Writes the formats that SkiaSharp only reads, of pixels that are indices into 256 greys.</summary>
internal static class ImageWriters
{
    private const int Colours = 256;

    /// <summary>A GIF whose codes are single pixels: the table of codes is cleared before it grows.</summary>
    public static byte[] Gif(int width, int height, byte[] indices, int frames, bool isInterlaced)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("GIF89a"u8);
        writer.Write((ushort)width);
        writer.Write((ushort)height);
        writer.Write((ReadOnlySpan<byte>)[0xF7, 0, 0]);
        for (int colour = 0; colour < Colours; colour++)
            writer.Write((ReadOnlySpan<byte>)[(byte)colour, (byte)colour, (byte)colour]);
        for (int frame = 0; frame < frames; frame++)
        {
            writer.Write((ReadOnlySpan<byte>)[0x21, 0xF9, 4, 0, 10, 0, 0, 0]);
            writer.Write((byte)0x2C);
            writer.Write(0);
            writer.Write((ushort)width);
            writer.Write((ushort)height);
            writer.Write((byte)(isInterlaced ? 0x40 : 0));
            WriteCodes(writer, indices);
        }

        writer.Write((byte)0x3B);
        writer.Flush();
        return file.ToArray();
    }

    public static byte[] Bmp(int width, int height, byte[] indices, int bits)
    {
        byte[] rows = Rows(width, height, indices, bits);
        return Bmp(DibHeader(width, height, bits, compression: 0, rows.Length), bits == 8 ? Palette() : [], rows);
    }

    /// <summary>A BMP of runs of equal pixels, each of one pixel here.</summary>
    public static byte[] BmpOfRuns(int width, int height, byte[] indices)
    {
        using var rows = new MemoryStream();
        for (int y = height - 1; y >= 0; y--)
        {
            for (int x = 0; x < width; x++)
                rows.Write([1, indices[(y * width) + x]]);
            rows.Write([0, (byte)(y == 0 ? 1 : 0)]);
        }

        return Bmp(DibHeader(width, height, bits: 8, compression: 1, (int)rows.Length), Palette(), rows.ToArray());
    }

    /// <summary>An icon file of one image.</summary>
    public static byte[] Icon(int width, int height, byte[] image)
    {
        const int HeaderLength = 22;
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write((ReadOnlySpan<byte>)[0, 0, 1, 0, 1, 0, (byte)width, (byte)height, 0, 0, 1, 0, 32, 0]);
        writer.Write(image.Length);
        writer.Write(HeaderLength);
        writer.Write(image);
        writer.Flush();
        return file.ToArray();
    }

    /// <summary>The bitmap of an icon: of twice the height by its header, with a mask behind the pixels.</summary>
    public static byte[] IconBitmap(int width, int height, byte[] indices) =>
        [.. DibHeader(width, 2 * height, bits: 24, compression: 0, 0), .. Rows(width, height, indices, bits: 24), .. new byte[(width + 31) / 32 * 4 * height]];

    private static byte[] Bmp(byte[] header, byte[] palette, byte[] rows)
    {
        const int FileHeaderLength = 14;
        int start = FileHeaderLength + header.Length + palette.Length;
        return [.. "BM"u8, .. BitConverter.GetBytes(start + rows.Length), 0, 0, 0, 0, .. BitConverter.GetBytes(start), .. header, .. palette, .. rows];
    }

    private static byte[] DibHeader(int width, int height, int bits, int compression, int length) =>
    [
        .. BitConverter.GetBytes(40), .. BitConverter.GetBytes(width), .. BitConverter.GetBytes(height), 1, 0, (byte)bits, 0,
        .. BitConverter.GetBytes(compression), .. BitConverter.GetBytes(length), .. new byte[16],
    ];

    private static byte[] Palette() => [.. Enumerable.Range(0, Colours).SelectMany(colour => new byte[] { (byte)colour, (byte)colour, (byte)colour, 0 })];

    /// <summary>Rows from the lowest to the highest, each filled up to a multiple of four bytes.</summary>
    private static byte[] Rows(int width, int height, byte[] indices, int bits)
    {
        int bytes = bits / 8;
        int stride = (width * bytes + 3) / 4 * 4;
        byte[] rows = new byte[stride * height];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                rows.AsSpan(((height - 1 - y) * stride) + (x * bytes), bytes).Fill(indices[(y * width) + x]);
        }

        return rows;
    }

    private static void WriteCodes(BinaryWriter writer, byte[] indices)
    {
        const int CodeBits = 9;
        const int Clear = 256;
        const int PixelsToAClear = 250;
        const int LongestBlock = 255;
        var bytes = new List<byte>();
        int buffer = 0, count = 0;
        for (int pixel = 0; pixel < indices.Length; pixel++)
        {
            if (pixel % PixelsToAClear == 0)
                Add(Clear);
            Add(indices[pixel]);
        }

        Add(Clear + 1);
        bytes.Add((byte)buffer);
        writer.Write((byte)8);
        foreach (byte[] block in bytes.Chunk(LongestBlock))
        {
            writer.Write((byte)block.Length);
            writer.Write(block);
        }

        writer.Write((byte)0);

        void Add(int code)
        {
            buffer |= code << count;
            for (count += CodeBits; count >= 8; count -= 8)
            {
                bytes.Add((byte)buffer);
                buffer >>= 8;
            }
        }
    }
}
