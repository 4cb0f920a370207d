using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.Sla.Native;

/// <summary>
/// A 64-bit x86 shared library, read as the dynamic loader reads it: through the program headers and the dynamic table,
/// because section headers may be missing. Every access is checked against the bounds of the file.
/// </summary>
/// <remarks>Unexpected content throws an <see cref="InvalidDataException"/>.</remarks>
internal sealed class ElfImage
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DynamicEntrySize = 16;
    private const int SymbolSize = 24;
    private const int RelocationSize = 24;
    private const int VersionNeedSize = 16;

    private readonly byte[] _bytes;
    private readonly List<Segment> _segments = [];
    private readonly Dictionary<DynamicTag, ulong> _dynamic = [];

    private ElfImage(byte[] bytes) => _bytes = bytes;

    public static ElfImage Parse(byte[] bytes)
    {
        ElfImage image = new(bytes);
        image.CheckKind();
        image.ReadProgramHeaders();
        return image;
    }

    /// <summary>The symbol versions that the library needs from other libraries.</summary>
    public IReadOnlyList<VersionNeed> ReadVersionNeeds()
    {
        List<VersionNeed> needs = [];
        if (!_dynamic.TryGetValue(DynamicTag.VersionNeeds, out ulong address))
            return needs;

        ulong offset = OffsetOf(address);
        for (uint next = 1; next != 0; offset += next)
        {
            ReadOnlySpan<byte> need = Slice(offset, VersionNeedSize, "version needs");
            string library = ReadString(UInt32At(need, 4));
            ReadVersionsOf(library, offset + UInt32At(need, 8), needs);
            next = UInt32At(need, 12);
        }

        return needs;
    }

    /// <summary>The symbols that the loader looks up for this library: those with a relocation.</summary>
    public IEnumerable<uint> ReadReferencedSymbols() =>
        ReadRelocatedSymbols(DynamicTag.Relocations, DynamicTag.RelocationsSize)
            .Concat(ReadRelocatedSymbols(DynamicTag.PltRelocations, DynamicTag.PltRelocationsSize))
            .Distinct();

    /// <summary>The index of the symbol's version, as in <see cref="VersionNeed.Index"/>.</summary>
    public int ReadVersionIndex(uint symbol)
    {
        const int Hidden = 0x8000;
        ulong offset = OffsetOf(Dynamic(DynamicTag.SymbolVersions)) + (ulong)symbol * sizeof(ushort);
        return UInt16At(Slice(offset, sizeof(ushort), "symbol versions"), 0) & ~Hidden;
    }

    public string ReadSymbolName(uint symbol)
    {
        ulong offset = OffsetOf(Dynamic(DynamicTag.Symbols)) + (ulong)symbol * SymbolSize;
        return ReadString(UInt32At(Slice(offset, SymbolSize, "symbols"), 0));
    }

    private void CheckKind()
    {
        const byte Elf64 = 2;
        const byte LittleEndian = 1;
        const ushort SharedObject = 3;
        const ushort X64 = 62;

        ReadOnlySpan<byte> header = Slice(0, HeaderSize, "header");
        if (!header.StartsWith("\u007fELF"u8))
            throw new InvalidDataException("This is not an ELF file.");
        if (header[4] != Elf64 || header[5] != LittleEndian || UInt16At(header, 16) != SharedObject || UInt16At(header, 18) != X64)
            throw new InvalidDataException("This ELF file is not a shared library for 64-bit x86.");
    }

    private void ReadProgramHeaders()
    {
        const uint Load = 1;
        const uint DynamicTable = 2;

        ReadOnlySpan<byte> header = Slice(0, HeaderSize, "header");
        if (UInt16At(header, 54) != ProgramHeaderSize)
            throw new InvalidDataException("The ELF file has program headers of an unknown size.");

        ulong start = UInt64At(header, 32);
        for (ulong i = 0; i < UInt16At(header, 56); i++)
        {
            ReadOnlySpan<byte> entry = Slice(start + i * ProgramHeaderSize, ProgramHeaderSize, "program headers");
            Segment segment = new(Offset: UInt64At(entry, 8), Address: UInt64At(entry, 16), Size: UInt64At(entry, 32));
            if (UInt32At(entry, 0) == Load)
                _segments.Add(segment);
            else if (UInt32At(entry, 0) == DynamicTable)
                ReadDynamicTable(segment);
        }

        if (_dynamic.Count == 0)
            throw new InvalidDataException("The ELF file has no dynamic table.");
    }

    private void ReadDynamicTable(Segment table)
    {
        ReadOnlySpan<byte> entries = Slice(table.Offset, table.Size, "dynamic table");
        for (int at = 0; at + DynamicEntrySize <= entries.Length; at += DynamicEntrySize)
        {
            DynamicTag tag = (DynamicTag)UInt64At(entries, at);
            if (tag == DynamicTag.End)
                return;
            _dynamic[tag] = UInt64At(entries, at + sizeof(ulong));
        }
    }

    private void ReadVersionsOf(string library, ulong offset, List<VersionNeed> needs)
    {
        for (uint next = 1; next != 0; offset += next)
        {
            ReadOnlySpan<byte> entry = Slice(offset, VersionNeed.Size, "versions needed");
            needs.Add(new VersionNeed(library, ReadString(UInt32At(entry, VersionNeed.NameField)), UInt16At(entry, 6), (int)offset));
            next = UInt32At(entry, 12);
        }
    }

    private IEnumerable<uint> ReadRelocatedSymbols(DynamicTag table, DynamicTag tableSize)
    {
        if (!_dynamic.TryGetValue(table, out ulong address))
            yield break;

        ulong offset = OffsetOf(address);
        for (ulong left = Dynamic(tableSize) / RelocationSize; left > 0; left--, offset += RelocationSize)
        {
            // The upper half of r_info; 0 means a relocation without a symbol.
            uint symbol = UInt32At(Slice(offset, RelocationSize, "relocations"), 12);
            if (symbol != 0)
                yield return symbol;
        }
    }

    private string ReadString(uint at)
    {
        ulong size = Dynamic(DynamicTag.StringsSize);
        if (at >= size)
            throw new InvalidDataException("The ELF file names a string outside its string table.");

        ReadOnlySpan<byte> rest = Slice(OffsetOf(Dynamic(DynamicTag.Strings)) + at, size - at, "strings");
        int length = rest.IndexOf((byte)0);
        return length >= 0
            ? Encoding.UTF8.GetString(rest[..length])
            : throw new InvalidDataException("The ELF file has a string without an end.");
    }

    private ulong Dynamic(DynamicTag tag) =>
        _dynamic.TryGetValue(tag, out ulong value)
            ? value
            : throw new InvalidDataException($"The ELF file's dynamic table lacks an entry ({tag}).");

    private ulong OffsetOf(ulong address)
    {
        foreach (Segment segment in _segments)
        {
            if (address >= segment.Address && address - segment.Address < segment.Size)
                return segment.Offset + (address - segment.Address);
        }

        throw new InvalidDataException($"The ELF file has nothing at address 0x{address:x}.");
    }

    private ReadOnlySpan<byte> Slice(ulong offset, ulong length, string what)
    {
        ulong available = (ulong)_bytes.Length;
        return offset <= available && length <= available - offset
            ? _bytes.AsSpan((int)offset, (int)length)
            : throw new InvalidDataException($"The ELF file ends before its {what} do.");
    }

    private static ushort UInt16At(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32At(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong UInt64At(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private readonly record struct Segment(ulong Offset, ulong Address, ulong Size);

    private enum DynamicTag : ulong
    {
        End = 0,
        PltRelocationsSize = 2,
        Strings = 5,
        Symbols = 6,
        Relocations = 7,
        RelocationsSize = 8,
        StringsSize = 10,
        PltRelocations = 23,
        SymbolVersions = 0x6ffffff0,
        VersionNeeds = 0x6ffffffe,
    }
}

/// <summary>A version that a library needs from another library, such as GLIBCXX_3.4.11 from libstdc++.so.6.</summary>
/// <param name="Library">The library that must offer the version.</param>
/// <param name="Version">The name of the version.</param>
/// <param name="Index">The version index of the symbols of this version.</param>
/// <param name="Offset">The offset of the entry (of type Elf64_Vernaux) in the file.</param>
internal readonly record struct VersionNeed(string Library, string Version, int Index, int Offset)
{
    public const int Size = 16;

    /// <summary>Offset in the entry of the name's hash, 4 bytes.</summary>
    public const int HashField = 0;

    /// <summary>Offset in the entry of the name's position in the string table, 4 bytes.</summary>
    public const int NameField = 8;
}
