namespace Microsoft.ML.Sla.Fuzz;

/// <summary>An input: the name of the valid file that it was made of, and its bytes.</summary>
internal sealed record Case(string FileName, byte[] Bytes)
{
    /// <summary>The case of a number, which depends on nothing but the arguments.</summary>
    public static Case Of(Target target, Corpus corpus, int seed, long number)
    {
        var random = new Random(Hash($"{seed}/{target.Name}/{number}"));
        var files = corpus.Files(target.Folder);
        var file = files[random.Next(files.Count)];
        return new Case(file.Name, target.Mutate(file.Bytes, [.. files.Select(other => other.Bytes)], random));
    }

    /// <summary>A file from outside, in place of the valid one that its name is most like.</summary>
    public static Case OfFile(Target target, Corpus corpus, string path)
    {
        var files = corpus.Files(target.Folder);
        var like = files.FirstOrDefault(file => path.EndsWith(file.Name, StringComparison.Ordinal))
            ?? files.FirstOrDefault(file => Path.GetExtension(file.Name) == Path.GetExtension(path))
            ?? files[0];
        return new Case(like.Name, File.ReadAllBytes(path));
    }

    /// <summary>FNV-1a: the hash codes of .NET differ from process to process.</summary>
    private static int Hash(string text)
    {
        uint hash = 2166136261;
        foreach (char character in text)
            hash = (hash ^ character) * 16777619;
        return (int)hash;
    }
}
