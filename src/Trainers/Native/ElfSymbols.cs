using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text;

namespace Microsoft.ML.Sla.Native;

/// <summary>The table of all symbols of a 64-bit shared library, including local symbols, which the dynamic loader does not use.</summary>
/// <remarks>The file is mapped and not read, because the table of libtorch and its names have 90 MB.</remarks>
internal static unsafe class ElfSymbols
{
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;

    /// <summary>The address of a symbol within the library; null if the library has no table, or the table no such symbol.</summary>
    /// <exception cref="InvalidDataException">The file is not a 64-bit ELF file, or ends before what it should contain.</exception>
    public static ulong? Find(string path, string name)
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        using var view = file.CreateViewAccessor(offset: 0, size: 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            long length = new FileInfo(path).Length;
            return Find(new ReadOnlySpan<byte>(start, checked((int)length)), name);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException($"The tables of {path} are not those of an ELF file.", e);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private static ulong? Find(ReadOnlySpan<byte> file, string name)
    {
        const uint SymbolTable = 2;
        if (!file.StartsWith("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("This is not a 64-bit ELF file.");

        ulong headers = BinaryPrimitives.ReadUInt64LittleEndian(file[40..]);
        int sections = BinaryPrimitives.ReadUInt16LittleEndian(file[60..]);
        for (int i = 0; i < sections; i++)
        {
            ReadOnlySpan<byte> header = Header(file, i);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != SymbolTable)
                continue;

            int strings = (int)BinaryPrimitives.ReadUInt32LittleEndian(header[40..]);
            return Find(Content(file, header), Content(file, Header(file, strings)), name);
        }

        return null;

        ReadOnlySpan<byte> Header(ReadOnlySpan<byte> file, int section) =>
            file.Slice(checked((int)headers + section * SectionHeaderSize), SectionHeaderSize);
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, ReadOnlySpan<byte> header) =>
        file.Slice(checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..])), checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..])));

    private static ulong? Find(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> strings, string name)
    {
        int before = strings.IndexOf(Encoding.UTF8.GetBytes($"\0{name}\0"));
        if (before < 0)
            return null;

        for (ReadOnlySpan<byte> rest = symbols; rest.Length >= SymbolSize; rest = rest[SymbolSize..])
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(rest) == before + 1)
                return BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]);
        }

        return null;
    }
}
