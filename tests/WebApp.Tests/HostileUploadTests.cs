using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

/// <summary>Uploads that mean harm, from a fixed seed. The variable SLA_HOSTILE_UPLOADS says how many.</summary>
public sealed class HostileUploadTests : FolderTest
{
    private const int DefaultUploads = 400;
    private const long MostGrowth = 500_000_000;

    private static readonly string[] Routes = ["predict", "predict?views=true", "predict?top=1000000", "predict/batch", "predict/taught", "classes/thing"];
    private static readonly string[] Types =
    [
        "image/png", "image/", "image/svg+xml", "text/html", "application/json", "application/octet-stream", "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a b\"", "multipart/form-data; boundary=" + "x", "multipart/mixed; boundary=x", "application/x-www-form-urlencoded", "a", ";;;", "x/x/x; y",
    ];
    private static readonly string[] Names =
    [
        "../../etc/passwd", "..", "a.png\0.exe", "\u202egnp.exe", "\"", "a\\b", "CON", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", new string('n', 5_000), "", " ", "%2e%2e%2f", "🐈",
    ];

    [Fact]
    public async Task Hostile_uploads_are_refused_without_an_error_of_the_server_or_growth()
    {
        int uploads = int.Parse(Environment.GetEnvironmentVariable("SLA_HOSTILE_UPLOADS") ?? $"{DefaultUploads}", CultureInfo.InvariantCulture);
        await using var service = await Service.StartAsync(Folder, ("ImagesPerClass", "10"), ("Classes", "10"));
        var expected = await service.PostAsync("/api/predict", TrainedModels.Image);
        Assert.Equal(200, (await service.PostFormAsync("/api/classes/bag", TrainedModels.Image)).Status);
        long before = Process.GetCurrentProcess().WorkingSet64, most = before;
        var statuses = new SortedDictionary<int, int>();

        for (int number = 0; number < uploads; number++)
        {
            int status = await SendAsync(service, new Random(number), number);
            statuses[status] = statuses.GetValueOrDefault(status) + 1;
            Assert.True(status is >= 200 and < 500, $"Upload {number} was answered {status}.");
            if (number % 50 == 0)
            {
                using var process = Process.GetCurrentProcess();
                most = Math.Max(most, process.WorkingSet64);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{uploads} uploads: {string.Join(", ", statuses)}; {before / 1_000_000} MB before, {most / 1_000_000} MB at most");
        Assert.InRange(most - before, long.MinValue, MostGrowth);
        Assert.Equal(expected.Body!.ToJsonString(), (await service.PostAsync("/api/predict", TrainedModels.Image)).Body!.ToJsonString());
        Assert.All(Directory.GetFiles(Folder, "*", SearchOption.AllDirectories), file => Assert.Matches("^([0-9a-f]{64}[.]json|model[.]zip)$", Path.GetFileName(file)));
        Assert.True(statuses.Keys.Count > 3, "The uploads are all of a kind.");
    }

    private static async Task<int> SendAsync(Service service, Random random, int number)
    {
        byte[] file = Harm(random, number);
        string path = $"/api/{Pick(random, Routes)}";
        if (random.Next(10) == 0)
            path = $"/api/classes/{Uri.EscapeDataString(Pick(random, Names))}";
        using HttpContent content = random.Next(3) == 0 ? Form(random, file) : Body(random, file);
        return (await service.SendAsync(HttpMethod.Post, path, content)).Status;
    }

    private static ByteArrayContent Body(Random random, byte[] file)
    {
        var content = new ByteArrayContent(file);
        content.Headers.TryAddWithoutValidation("Content-Type", random.Next(2) == 0 ? "image/png" : Pick(random, Types));
        return content;
    }

    /// <summary>A form, whole or cut off, with names that mean harm.</summary>
    private static ByteArrayContent Form(Random random, byte[] file)
    {
        using var form = new MemoryStream();
        int files = random.Next(40) == 0 ? 50 : random.Next(4);
        for (int i = 0; i < files; i++)
        {
            string name = Pick(random, Names);
            form.Write(Encoding.UTF8.GetBytes($"--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{Pick(random, Names)}\"\r\nContent-Type: {Pick(random, Types)}\r\n\r\n"));
            form.Write(file);
            form.Write("\r\n"u8);
        }

        if (random.Next(4) > 0)
            form.Write("--x--\r\n"u8);
        var content = new ByteArrayContent(form.ToArray());
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
        return content;
    }

    private static byte[] Harm(Random random, int number) => random.Next(8) switch
    {
        0 => TrainedModels.Image[..random.Next(TrainedModels.Image.Length)],
        1 => Flipped(random, TrainedModels.Image),
        2 => Png(random.Next(2) == 0 ? 60_000 : int.MaxValue, 60_000, []),
        3 => Jpeg(random),
        4 => Random(random, random.Next(100_000)),
        5 => "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"u8.ToArray(),
        6 => [],
        _ when number % 40 == 0 => Png(6_000, 6_000, new byte[(6_000 + 1) * 6_000]),
        _ => Png(random.Next(1, 5), random.Next(1, 5), Random(random, random.Next(30))),
    };

    private static byte[] Flipped(Random random, byte[] file)
    {
        byte[] flipped = [.. file];
        for (int i = random.Next(1, 20); i > 0; i--)
            flipped[random.Next(flipped.Length)] ^= (byte)random.Next(1, 256);
        return flipped;
    }

    private static byte[] Random(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A grey PNG of any declared size, with right checksums.</summary>
    private static byte[] Png(int width, int height, byte[] rows)
    {
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n\u001a\n"u8]);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        WriteChunk(file, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(rows);
        WriteChunk(file, "IDAT"u8, packed.ToArray());
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, byte[] data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        byte[] checkedBytes = [.. type, .. data];
        file.Write(checkedBytes);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.HashToUInt32(checkedBytes));
        file.Write(number);
    }

    /// <summary>The start of a JPEG that declares the largest size there is.</summary>
    private static byte[] Jpeg(Random random) => [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0, .. Random(random, 200)];

    private static T Pick<T>(Random random, T[] of) => of[random.Next(of.Length)];
}
