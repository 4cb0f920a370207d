using System.Globalization;

namespace Sla;

/// <summary>Writes numbers with what they count.</summary>
internal static class Plural
{
    /// <summary>Such as "1 image", "2 images" and "3 classes".</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">The noun for one.</param>
    /// <param name="format">The format of the number: N0 for one with separators.</param>
    public static string Of(long count, string noun, string format = "0") =>
        string.Create(CultureInfo.InvariantCulture, $"{count.ToString(format, CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : noun.EndsWith('s') ? "es" : "s")}");
}
