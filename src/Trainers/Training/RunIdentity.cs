using System.Globalization;

namespace Microsoft.ML.Sla.Training;

/// <summary>What makes two training runs the same one: the settings that the result depends on, by name, as text.</summary>
internal sealed class RunIdentity(IReadOnlyDictionary<string, string> entries)
{
    public IReadOnlyDictionary<string, string> Entries { get; } = entries;

    /// <summary>A value as an entry has it, in every culture.</summary>
    public static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;

    /// <summary>Where another run differs, such as <c>Seed: 1 there and 2 here</c>.</summary>
    public IEnumerable<string> Differences(RunIdentity there)
    {
        foreach (string name in Entries.Keys.Union(there.Entries.Keys))
        {
            string here = Entries.GetValueOrDefault(name, "the default");
            string other = there.Entries.GetValueOrDefault(name, "the default");
            if (here != other)
                yield return $"{name}: {other} there and {here} here";
        }
    }
}
