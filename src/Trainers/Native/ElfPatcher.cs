namespace Microsoft.ML.Sla.Native;

/// <summary>
/// Makes a library that was built with GCC 13 loadable with the libstdc++ of GCC 11 and 12. It replaces the version of the few
/// symbols for which the older libstdc++ has an equivalent under an older version.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>GLIBCXX_3.4.32: code that includes &lt;iostream&gt; refers to <c>std::ios_base_library_init()</c>, so that it does not load
/// with a libstdc++ that leaves the set-up of the standard streams to its users. Nothing ever calls the function. libtorch, which
/// is built with an older GCC and loaded first, does that set-up.</item>
/// <item>GLIBCXX_3.4.30: <c>std::condition_variable::wait</c> differs from the function under GLIBCXX_3.4.11 only in exceptions
/// that a cancelled POSIX thread raises, and .NET cancels no thread. Newer versions of libstdc++ have both.</item>
/// </list>
/// </remarks>
internal static class ElfPatcher
{
    private const string CppLibrary = "libstdc++.so.6";
    private const string OlderVersion = "GLIBCXX_3.4.11";

    // The replaceable symbols by version: those that the older version also offers.
    private static readonly Dictionary<string, string[]> Replaceable = new()
    {
        ["GLIBCXX_3.4.30"] = ["_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE"],
        ["GLIBCXX_3.4.32"] = [],
    };

    /// <summary>Whether the dynamic loader's message names a version that <see cref="Patch"/> replaces.</summary>
    public static bool CanHelpWith(string loaderMessage) =>
        Replaceable.Keys.Any(version => loaderMessage.Contains(version, StringComparison.Ordinal));

    /// <summary>A patched copy of the library; null if the library needs none of the replaceable versions.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is not a library of the expected kind, or it uses symbols that an older libstdc++ does not have.
    /// </exception>
    public static byte[]? Patch(byte[] library)
    {
        ElfImage image = ElfImage.Parse(library);
        VersionNeed[] needs = [.. image.ReadVersionNeeds().Where(need => need.Library == CppLibrary)];
        VersionNeed[] tooNew = [.. needs.Where(need => Replaceable.ContainsKey(need.Version))];
        if (tooNew.Length == 0)
            return null;

        RefuseOtherSymbols(image, tooNew);
        VersionNeed older = FindOlder(needs);
        byte[] patched = [.. library];
        foreach (VersionNeed need in tooNew)
            Rename(patched, need, older);
        return patched;
    }

    private static void RefuseOtherSymbols(ElfImage image, VersionNeed[] tooNew)
    {
        Dictionary<int, string> versions = tooNew.ToDictionary(need => need.Index, need => need.Version);
        foreach (uint symbol in image.ReadReferencedSymbols())
        {
            if (!versions.TryGetValue(image.ReadVersionIndex(symbol), out string? version))
                continue;

            string name = image.ReadSymbolName(symbol);
            if (!Replaceable[version].Contains(name))
                throw new InvalidDataException($"The library uses {name} of {version}, which an older {CppLibrary} does not have.");
        }
    }

    private static VersionNeed FindOlder(VersionNeed[] needs)
    {
        // The library's string table must already contain the name, because there is no room for another one.
        int found = Array.FindIndex(needs, need => need.Version == OlderVersion);
        return found >= 0
            ? needs[found]
            : throw new InvalidDataException($"The library does not mention {OlderVersion}, which should replace newer versions.");
    }

    private static void Rename(byte[] library, VersionNeed need, VersionNeed older)
    {
        CopyField(VersionNeed.HashField);
        CopyField(VersionNeed.NameField);

        void CopyField(int field) =>
            library.AsSpan(older.Offset + field, sizeof(uint)).CopyTo(library.AsSpan(need.Offset + field));
    }
}
