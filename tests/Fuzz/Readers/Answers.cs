using System.Runtime.InteropServices;

namespace Microsoft.ML.Sla.Fuzz.Readers;

/// <summary>Numbers and names as text that is equal where all bits are.</summary>
internal static class Answers
{
    public static string Of(IEnumerable<string> names, IEnumerable<float> values) => $"{string.Join(", ", names)}: {Of(values)}";

    public static string Of(IEnumerable<float> values) => Convert.ToHexStringLower(MemoryMarshal.AsBytes<float>(values.ToArray()));
}
