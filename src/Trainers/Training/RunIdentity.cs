using System.Globalization;

namespace Microsoft.ML.Sla.Training;

/// <summary>Identifies a training run by the settings that its result depends on: their names and values as text.</summary>
internal sealed class RunIdentity(IReadOnlyDictionary<string, string> entries)
{
    public IReadOnlyDictionary<string, string> Entries { get; } = entries;

    /// <summary>Formats a value for an entry, in the invariant culture.</summary>
    public static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;

    /// <summary>The differences to another run, such as <c>Seed: 1 there and 2 here</c>.</summary>
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
