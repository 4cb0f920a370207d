using System.Text;

namespace Sla;

/// <summary>Writes commands for a person to type, or to copy, in a POSIX shell.</summary>
internal static class ShellCommand
{
    /// <summary>The words of a command, each quoted where it needs to be.</summary>
    public static string Of(params IEnumerable<string> words) => string.Join(' ', words.Select(Quoted));

    /// <summary>A word that a shell reads as it is: in quotes, unless all its characters are plain ones.</summary>
    public static string Quoted(string word)
    {
        if (word.Length > 0 && word.All(character => char.IsAsciiLetterOrDigit(character) || "-_./:=,@%+".Contains(character)))
            return word;
        return word.Any(VisibleText.IsHidden) ? Escaped(word) : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
    }

    /// <summary>With escapes (POSIX.1-2024), as characters that cannot be printed could do anything on a terminal.</summary>
    private static string Escaped(string word)
    {
        var text = new StringBuilder("$'");
        foreach (char character in word)
        {
            if (character is '\'' or '\\')
                text.Append('\\').Append(character);
            else if (!VisibleText.IsHidden(character))
                text.Append(character);
            else
                text.AppendJoin("", Encoding.UTF8.GetBytes([character]).Select(value => $@"\{Convert.ToString(value, 8).PadLeft(3, '0')}"));
        }

        return text.Append('\'').ToString();
    }
}
