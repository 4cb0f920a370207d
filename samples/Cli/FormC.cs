using HarfBuzzSharp;

namespace Sla;

/// <summary>
/// Unicode's form C, in which an accented letter is one character wherever it can be. macOS and some archives write it as two in names of files.
/// </summary>
/// <remarks>
/// .NET has the form only with the ICU library, which not every machine has. HarfBuzz has the characters; the rules are those of Unicode Standard Annex 15.
/// </remarks>
internal static class FormC
{
    /// <summary>All text of characters below it is in form C.</summary>
    private const char FirstMark = '\u0300';

    public static string Of(string text)
    {
        if (text.All(character => character < FirstMark))
            return text;
        var characters = new List<uint>();
        foreach (var rune in text.EnumerateRunes())
            Decompose((uint)rune.Value, characters);
        Order(characters);
        return string.Concat(Composed(characters).Select(character => char.ConvertFromUtf32((int)character)));
    }

    /// <summary>The combining class: 0 for a letter, and above for a mark.</summary>
    private static int ClassOf(uint character) => (int)UnicodeFunctions.Default.GetCombiningClass(character);

    private static void Decompose(uint character, List<uint> into)
    {
        if (!UnicodeFunctions.Default.TryDecompose(character, out uint first, out uint second))
        {
            into.Add(character);
            return;
        }

        Decompose(first, into);
        if (second != 0)
            Decompose(second, into);
    }

    /// <summary>Sorts the marks after each letter by their classes; marks of one class keep their order.</summary>
    private static void Order(List<uint> characters)
    {
        for (int i = 1; i < characters.Count; i++)
        {
            for (int j = i; j > 0 && ClassOf(characters[j]) is > 0 and var mark && ClassOf(characters[j - 1]) > mark; j--)
                (characters[j - 1], characters[j]) = (characters[j], characters[j - 1]);
        }
    }

    private static List<uint> Composed(List<uint> characters)
    {
        var result = new List<uint>();
        int letter = -1;
        foreach (uint character in characters)
        {
            // A mark of the same class or a higher one between the two keeps them apart.
            bool isFree = letter >= 0 && (letter == result.Count - 1 || (ClassOf(result[^1]) is > 0 and var before && before < ClassOf(character)));
            if (isFree && UnicodeFunctions.Default.TryCompose(result[letter], character, out uint whole))
            {
                result[letter] = whole;
                continue;
            }

            result.Add(character);
            if (ClassOf(character) == 0)
                letter = result.Count - 1;
        }

        return result;
    }
}
