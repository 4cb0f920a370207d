using System.Security.Cryptography;
using Microsoft.ML.Sla.Fuzz.Seeds;

namespace Microsoft.ML.Sla.Fuzz;

/// <summary>A valid file.</summary>
internal sealed record SeedFile(string Name, byte[] Bytes);

/// <summary>The valid files that cases are made of, a folder for each kind. The library writes the same ones each time.</summary>
internal sealed class Corpus(string folder)
{
    public const string Verb = "corpus";

    private readonly Dictionary<string, IReadOnlyList<SeedFile>> _files = [];

    /// <summary>A short mark of all files: numbers of cases mean the same where it is the same.</summary>
    public string Hash
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (string path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                hash.AppendData(File.ReadAllBytes(path));
            return Convert.ToHexStringLower(hash.GetHashAndReset())[..12];
        }
    }

    public static void Write(string folder)
    {
        ImageSeeds.Write(folder);
        ModelSeeds.Write(folder);
        SearchSeeds.Write(folder);
    }

    public string PathOf(string kind, string name) => Path.Combine(folder, kind, name);

    /// <summary>The files of a kind, ordered by name.</summary>
    public IReadOnlyList<SeedFile> Files(string kind)
    {
        if (!_files.TryGetValue(kind, out var files))
        {
            files = [.. Directory.GetFiles(Path.Combine(folder, kind)).Order(StringComparer.Ordinal).Select(path =>
                new SeedFile(Path.GetFileName(path), File.ReadAllBytes(path)))];
            _files.Add(kind, files);
        }

        return files;
    }
}
