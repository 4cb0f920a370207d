using System.Globalization;

namespace Sla;

/// <summary>Writes numbers with what they count.</summary>
internal static class Plural
{
    /// <summary>Such as "1 image", "2 images" and "3 classes".</summary>
    public static string Of(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : noun.EndsWith('s') ? "es" : "s")}");
}
