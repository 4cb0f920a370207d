namespace Microsoft.ML.Sla.Networks;

/// <summary>Finds the tensors of a network under the names of a file: this library's, or those of torchvision and timm for ResNets.</summary>
internal static class WeightNames
{
    private static readonly string[] HeadNames = ["fc", "classifier", "head", SlaNetwork.HeadsName];

    /// <summary>The result of <see cref="Match"/>.</summary>
    /// <param name="Found">The file's name of each tensor that was found.</param>
    /// <param name="Missing">Names under which the file should have a tensor.</param>
    /// <param name="Unexpected">Names of the file that the network has no tensor for.</param>
    /// <param name="Ignored">Number of tensors of the file beside the backbone: heads, counters, other networks.</param>
    internal sealed record Matching(IReadOnlyDictionary<string, string> Found, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected, int Ignored);

    /// <summary>torchvision's name of a tensor of <see cref="ResNet"/>.</summary>
    public static string OfTorchvision(string name) => OfBackbone(name)
        .Replace(".body.", ".", StringComparison.Ordinal)
        .Replace(".shortcut.", ".downsample.", StringComparison.Ordinal);

    /// <summary>Whether a tensor counts batches and holds no weights.</summary>
    public static bool IsCounter(string name) => name.EndsWith("num_batches_tracked", StringComparison.Ordinal);

    /// <param name="wanted">The names of the backbone's tensors in the network.</param>
    /// <param name="there">The names in the file.</param>
    public static Matching Match(IReadOnlyList<string> wanted, IReadOnlyCollection<string> there)
    {
        var (start, best) = new[] { OfBackbone, (Func<string, string>)OfTorchvision }
            .SelectMany(rule => Prefixes(rule(wanted[0]), there).Select(prefix => (Start: prefix, Names: wanted.ToDictionary(name => name, name => prefix + rule(name)))))
            .MaxBy(naming => naming.Names.Values.Count(there.Contains));

        var used = best.Values.ToHashSet(StringComparer.Ordinal);
        string[] unexpected = [.. there.Where(name => !used.Contains(name) && name.StartsWith(start, StringComparison.Ordinal) && !IsIgnored(name[start.Length..]))];
        return new Matching(
            best.Where(pair => there.Contains(pair.Value)).ToDictionary(),
            [.. best.Values.Where(name => !there.Contains(name))],
            unexpected,
            there.Count - used.Count(there.Contains) - unexpected.Length);
    }

    private static string OfBackbone(string name) => name[(SlaNetwork.BackboneName.Length + 1)..];

    /// <summary>What may stand before the names: nothing, or whatever stands before one of them, such as <c>module.</c>.</summary>
    private static IEnumerable<string> Prefixes(string name, IEnumerable<string> there) =>
        there.Where(other => other.EndsWith($".{name}", StringComparison.Ordinal)).Select(other => other[..^name.Length]).Prepend("");

    private static bool IsIgnored(string name) => IsCounter(name) || HeadNames.Contains(name.Split('.')[0]);
}
