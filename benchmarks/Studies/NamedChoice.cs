namespace Microsoft.ML.Sla.Studies;

/// <summary>Values that study files name.</summary>
internal static class NamedChoice
{
    /// <exception cref="FormatException">There is no value of the name; the message lists the names.</exception>
    public static T Find<T>(this IReadOnlyDictionary<string, T> choices, string name) => choices.TryGetValue(name, out var choice)
        ? choice
        : throw new FormatException($"There is no '{name}': there are {string.Join(", ", choices.Keys)}.");
}
