namespace Microsoft.ML.Sla.Networks;

/// <summary>The parameters and running statistics of a network by name, in managed memory; row-major, as torch names and orders them.</summary>
internal sealed class Weights
{
    private readonly SortedDictionary<string, (long[] Shape, float[] Values)> _entries = new(StringComparer.Ordinal);

    public (long[] Shape, float[] Values) this[string name]
    {
        get => _entries.TryGetValue(name, out var entry)
            ? entry
            : throw new InvalidDataException($"The network has no tensor named '{name}'.");
        set => _entries[name] = value;
    }
}
