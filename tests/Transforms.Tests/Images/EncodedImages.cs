using System.Buffers.Binary;
using System.IO.Compression;

namespace Microsoft.ML.Sla.Tests;

/// <summary>
/// Image files made by hand: of kinds that Skia does not write, of any declared size, or with parts that it does not
/// make.
/// </summary>
internal static class EncodedImages
{
    /// <summary>A PNG file whose pixels are these rows; what is not given is zero.</summary>
    public static byte[] Png(int width, int height, int depth = 8, PngColor color = PngColor.Grey, bool isInterlaced = false, byte[]? rows = null, bool hasPixels = true)
    {
        long bytes = isInterlaced ? InterlacedLength(width, height, depth * Channels(color)) : Length(width, height, depth * Channels(color));
        byte[] header = [.. BigEndian(width), .. BigEndian(height), (byte)depth, (byte)color, 0, 0, (byte)(isInterlaced ? 1 : 0)];
        byte[] pixels = hasPixels ? Compressed(rows ?? [], bytes) : [];
        return [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, pixels), .. Chunk("IEND"u8, [])];
    }

    /// <summary>A chunk of a PNG file.</summary>
    public static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] content = [.. type, .. data];
        return [.. BigEndian(data.Length), .. content, .. BigEndian((int)Crc(content))];
    }

    /// <summary>Puts a chunk before the last, or behind the first.</summary>
    public static byte[] WithChunk(byte[] png, byte[] chunk, bool isLast = false)
    {
        int place = isLast ? png.Length - 12 : 33;
        return [.. png[..place], .. chunk, .. png[place..]];
    }

    /// <summary>A block of tags with the orientation alone.</summary>
    public static byte[] Exif(int orientation, bool isLittleEndian) => isLittleEndian
        ? [.. "II"u8, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0]
        : [.. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];

    /// <summary>A grey JPEG file of three components, all of whose coefficients are zero.</summary>
    public static byte[] Jpeg(int width, int height, bool isProgressive = false, bool isInOneScan = true, bool hasPixels = true)
    {
        const int Components = 3;
        byte[] tables = [0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64), .. Codes(0), .. Codes(0x10)];
        byte[] frame = [0xFF, (byte)(isProgressive ? 0xC2 : 0xC0), 0, 8 + (3 * Components), 8, .. BigEndian(height)[2..], .. BigEndian(width)[2..], Components, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
        int blocks = hasPixels ? ((width + 7) / 8) * ((height + 7) / 8) : 0;
        byte[] Scan(byte[] components)
        {
            // A block is a code of one bit for its mean, and one for the end of the block.
            int bits = blocks * components.Length * (isProgressive ? 1 : 2);
            byte[] data = [.. new byte[bits / 8], .. bits % 8 == 0 ? Array.Empty<byte>() : [(byte)(0xFF >> (bits % 8))]];
            return [0xFF, 0xDA, 0, (byte)(6 + (2 * components.Length)), (byte)components.Length, .. components.SelectMany(c => new byte[] { c, 0 }), 0, (byte)(isProgressive ? 0 : 63), 0, .. data];
        }

        byte[] scans = isInOneScan ? Scan([1, 2, 3]) : [.. Scan([1]), .. Scan([2]), .. Scan([3])];
        return [0xFF, 0xD8, .. tables, .. frame, .. scans, 0xFF, 0xD9];
    }

    /// <summary>
    /// A GIF file of one image at a place on a canvas, of colours of a grey ramp. Its pixels are left out where there
    /// are none.
    /// </summary>
    public static byte[] Gif(int canvasWidth, int canvasHeight, int left, int top, int width, int height, byte[]? pixels = null)
    {
        byte[] ramp = [.. Enumerable.Range(0, 128).SelectMany(i => Enumerable.Repeat((byte)(2 * i), 3))];

        // Codes of 8 bits, which clear the table before it has more than they name.
        const int Clear = 0x80, End = 0x81, Run = 100;
        byte[] codes = [.. (pixels ?? []).Chunk(Run).SelectMany(run => run.Prepend((byte)Clear)), End];
        byte[] blocks = [.. codes.Chunk(255).SelectMany(block => block.Prepend((byte)block.Length)), 0];
        return
        [
            .. "GIF89a"u8, .. LittleEndian16(canvasWidth), .. LittleEndian16(canvasHeight), 0xF6, 0, 0, .. ramp,
            0x2C, .. LittleEndian16(left), .. LittleEndian16(top), .. LittleEndian16(width), .. LittleEndian16(height), 0, 7, .. blocks, 0x3B,
        ];
    }

    /// <summary>A BMP file of 24 bits a pixel; the rows go upwards and are padded to four bytes.</summary>
    public static byte[] Bmp(int width, int height, byte[] rows) =>
    [
        .. "BM"u8, .. LittleEndian32(54 + rows.Length), 0, 0, 0, 0, 54, 0, 0, 0,
        40, 0, 0, 0, .. LittleEndian32(width), .. LittleEndian32(height), 1, 0, 24, 0, .. new byte[24], .. rows,
    ];

    /// <summary>An ICO file of images that are PNG files.</summary>
    public static byte[] Ico(params byte[][] images)
    {
        int start = 6 + (16 * images.Length);
        var directory = new List<byte>();
        foreach (byte[] image in images)
        {
            directory.AddRange([0, 0, 0, 0, 1, 0, 32, 0, .. LittleEndian32(image.Length), .. LittleEndian32(start)]);
            start += image.Length;
        }

        return [0, 0, 1, 0, .. LittleEndian16(images.Length), .. directory, .. images.SelectMany(image => image)];
    }

    private static int Channels(PngColor color) => color switch { PngColor.Rgb => 3, PngColor.Rgba => 4, _ => 1 };

    private static long Length(long width, long height, int bits) => width == 0 ? 0 : height * (1 + ((width * bits) + 7) / 8);

    private static long InterlacedLength(int width, int height, int bits) =>
        new[] { (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2) }
            .Sum(pass => Length((width - pass.Item1 + pass.Item3 - 1) / pass.Item3, (height - pass.Item2 + pass.Item4 - 1) / pass.Item4, bits));

    private static byte[] Compressed(byte[] start, long length)
    {
        using var result = new MemoryStream();
        using (var zlib = new ZLibStream(result, CompressionLevel.SmallestSize))
        {
            zlib.Write(start);
            byte[] zeros = new byte[1 << 16];
            for (long left = length - start.Length; left > 0; left -= zeros.Length)
                zlib.Write(zeros.AsSpan(0, (int)Math.Min(left, zeros.Length)));
        }

        return result.ToArray();
    }

    private static uint Crc(byte[] content)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in content)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }

        return ~crc;
    }

    /// <summary>A JPEG's table of one code of one bit, which stands for zero.</summary>
    private static byte[] Codes(byte table) => [0xFF, 0xC4, 0, 20, table, 1, .. new byte[15], 0];

    private static byte[] BigEndian(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] LittleEndian32(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] LittleEndian16(int value) => LittleEndian32(value)[..2];
}

/// <summary>The colour types of PNG.</summary>
internal enum PngColor : byte
{
    Grey = 0,
    Rgb = 2,
    Rgba = 6,
}
