using System.Globalization;

namespace Sla;

/// <summary>Text that shows what it has and does nothing else on a terminal: names of files and classes may be anybody's.</summary>
internal static class VisibleText
{
    private const int LongestName = 100;

    /// <summary>Format characters that words and emoji are spelled with.</summary>
    private const string Joiners = "\u200C\u200D";

    /// <summary>Whether a character moves, colours or reorders others, or ends a line, rather than shows itself.</summary>
    public static bool IsHidden(char character) => !Joiners.Contains(character) && char.GetUnicodeCategory(character)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    /// <summary>One line, with escapes such as \u001B and \n in place of characters that are not shown.</summary>
    public static string Of(string text) => text.Any(IsHidden) ? string.Concat(text.Select(Escaped)) : text;

    /// <summary>The beginning of a long text.</summary>
    public static string Shortened(string text) => text.Length <= LongestName ? text : $"{text[..LongestName]}...";

    private static string Escaped(char character) => character switch
    {
        _ when !IsHidden(character) => character.ToString(),
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        _ => string.Create(CultureInfo.InvariantCulture, $@"\u{(int)character:X4}"),
    };
}
