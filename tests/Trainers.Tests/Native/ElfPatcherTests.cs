using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.Sla.Native;
using Xunit;

namespace Microsoft.ML.Sla.Tests.Native;

public sealed class ElfPatcherTests
{
    private const string Wait = "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE";

    private const int ProgramHeaderSize = 56;
    private const int HeadersSize = 64 + 8 * ProgramHeaderSize;

    private static readonly byte[] Original = TorchSharpBinary.Read();

    [Fact]
    public void A_patched_library_asks_for_the_older_version_in_place_of_the_newer_ones()
    {
        VersionNeed[] before = [.. ElfImage.Parse(Original).ReadVersionNeeds()];
        VersionNeed[] after = [.. ElfImage.Parse(Patch(Original)).ReadVersionNeeds()];

        VersionNeed[] expected =
        [
            .. before.Select(need => need.Version is "GLIBCXX_3.4.30" or "GLIBCXX_3.4.32"
                ? need with { Version = "GLIBCXX_3.4.11" }
                : need),
        ];
        Assert.NotEqual(before, after);
        Assert.Equal(expected, after);
    }

    [Fact]
    public void A_patched_library_differs_in_the_name_and_the_hash_of_two_versions_only()
    {
        byte[] patched = Patch(Original);

        int[] renamed = [OffsetOfNeed("GLIBCXX_3.4.30"), OffsetOfNeed("GLIBCXX_3.4.32")];
        int[] allowed = [.. renamed.SelectMany(at => Enumerable.Range(at, 4).Concat(Enumerable.Range(at + 8, 4)))];
        Assert.Equal(Original.Length, patched.Length);
        Assert.Subset(allowed.ToHashSet(), Differences(Original, patched).ToHashSet());
    }

    [Fact]
    public void The_hash_of_a_renamed_version_is_that_of_its_new_name()
    {
        byte[] patched = Patch(Original);

        foreach (string version in (string[])["GLIBCXX_3.4.30", "GLIBCXX_3.4.32"])
            Assert.Equal(HashOf("GLIBCXX_3.4.11"), BinaryPrimitives.ReadUInt32LittleEndian(patched.AsSpan(OffsetOfNeed(version))));
    }

    [Fact]
    public void Patching_leaves_its_input_as_it_is()
    {
        byte[] input = [.. Original];

        Patch(input);

        Assert.Equal(Original, input);
    }

    [Fact]
    public void A_patched_library_needs_no_further_patch() => Assert.Null(ElfPatcher.Patch(Patch(Original)));

    [Fact]
    public void A_library_that_uses_another_symbol_of_a_newer_version_is_refused_by_the_name_of_the_symbol()
    {
        string other = Wait.Replace("wait", "want", StringComparison.Ordinal);
        byte[] library = Replace(Original, Wait, other);

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ElfPatcher.Patch(library));

        Assert.Contains(other, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.30", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_without_the_older_versions_name_is_refused()
    {
        byte[] library = Replace(Original, "GLIBCXX_3.4.11\0", "GLIBCXX_3.9.11\0");

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ElfPatcher.Patch(library));

        Assert.Contains("GLIBCXX_3.4.11", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_is_refused()
    {
        byte[] text = Encoding.ASCII.GetBytes(new string('x', 1000));

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ElfPatcher.Patch(text));

        Assert.Contains("not an ELF file", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 1)] // 32-bit
    [InlineData(5, 2)] // big-endian
    [InlineData(16, 2)] // an executable
    [InlineData(18, 183)] // ARM
    public void An_ELF_file_of_another_kind_is_refused(int at, byte value)
    {
        byte[] library = [.. Original];
        library[at] = value;

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ElfPatcher.Patch(library));

        Assert.Contains("not a shared library for 64-bit x86", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(1_000_000)]
    public void A_truncated_library_is_refused(int length)
    {
        byte[] library = Original[..length];

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ElfPatcher.Patch(library));

        Assert.Contains("ends before", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_library_is_patched_or_refused_but_nothing_else_happens()
    {
        Random random = new(1);
        for (int round = 0; round < 100; round++)
        {
            byte[] library = [.. Original];
            Damage(library.AsSpan(0, HeadersSize), random);
            Damage(library.AsSpan(DynamicTableOffset, 400), random);
            Damage(library.AsSpan(OffsetOfNeed("GLIBCXX_3.4.30"), 300), random);

            Exception? thrown = Record.Exception(() => ElfPatcher.Patch(library));

            Assert.True(thrown is null or InvalidDataException, $"Round {round}: {thrown}");
        }
    }

    [Theory]
    [InlineData("/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)", true)]
    [InlineData("/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /app/libLibTorchSharp.so)", true)]
    [InlineData("/lib/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /app/libLibTorchSharp.so)", false)]
    [InlineData("/lib/libc.so.6: version `GLIBC_2.34' not found (required by /app/libLibTorchSharp.so)", false)]
    [InlineData("libgomp.so.1: cannot open shared object file: No such file or directory", false)]
    public void Only_complaints_of_replaceable_versions_call_for_a_patch(string message, bool expected) =>
        Assert.Equal(expected, ElfPatcher.CanHelpWith(message));

    private static byte[] Patch(byte[] library)
    {
        byte[]? patched = ElfPatcher.Patch(library);
        Assert.NotNull(patched);
        return patched;
    }

    private static int DynamicTableOffset
    {
        get
        {
            int header = 64;
            while (Original[header] != 2)
                header += ProgramHeaderSize;
            return BinaryPrimitives.ReadInt32LittleEndian(Original.AsSpan(header + 8));
        }
    }

    private static int OffsetOfNeed(string version) =>
        ElfImage.Parse(Original).ReadVersionNeeds().Single(need => need.Version == version).Offset;

    private static IEnumerable<int> Differences(byte[] one, byte[] other) =>
        Enumerable.Range(0, one.Length).Where(at => one[at] != other[at]);

    // The hash of the System V ABI.
    private static uint HashOf(string name)
    {
        uint hash = 0;
        foreach (char character in name)
        {
            hash = (hash << 4) + character;
            hash = (hash ^ ((hash >> 24) & 0xf0)) & 0x0fffffff;
        }

        return hash;
    }

    private static byte[] Replace(byte[] library, string text, string other)
    {
        byte[] changed = [.. library];
        int at = changed.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text));
        Assert.True(at >= 0);
        Encoding.ASCII.GetBytes(other).CopyTo(changed, at);
        return changed;
    }

    private static void Damage(Span<byte> part, Random random)
    {
        for (int i = 0; i < 2; i++)
            part[random.Next(part.Length)] = (byte)random.Next(256);
    }
}
