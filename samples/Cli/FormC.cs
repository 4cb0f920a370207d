using System.Globalization;

namespace Sla;

/// <summary>
/// Unicode's form C, in which an accented letter is one character wherever it can be. macOS and some archives write it as two in names of files.
/// </summary>
/// <remarks>.NET has the form only with the ICU library, which not every machine has. The rules are those of Unicode Standard Annex 15.</remarks>
internal static class FormC
{
    /// <summary>All text of characters below it is in form C.</summary>
    private const char FirstMark = '\u0300';

    private const int FirstSyllable = 0xAC00, FirstLead = 0x1100, FirstVowel = 0x1161, FirstTail = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28, Syllables = Leads * Vowels * Tails;

    private static readonly Lazy<Tables> Unicode = new(Tables.Read);

    public static string Of(string text)
    {
        if (text.All(character => character < FirstMark))
            return text;
        var characters = new List<int>();
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, characters);
        Order(characters);
        return string.Concat(Composed(characters).Select(char.ConvertFromUtf32));
    }

    private static int ClassOf(int character) => Unicode.Value.Classes.GetValueOrDefault(character);

    private static void Decompose(int character, List<int> into)
    {
        int syllable = character - FirstSyllable;
        if (syllable is >= 0 and < Syllables)
        {
            into.AddRange(FirstLead + (syllable / (Vowels * Tails)), FirstVowel + (syllable / Tails % Vowels));
            if (syllable % Tails > 0)
                into.Add(FirstTail + (syllable % Tails));
        }
        else if (Unicode.Value.Parts.TryGetValue(character, out int[]? parts))
        {
            foreach (int part in parts)
                Decompose(part, into);
        }
        else
        {
            into.Add(character);
        }
    }

    /// <summary>Sorts the marks after each letter by their classes; marks of one class keep their order.</summary>
    private static void Order(List<int> characters)
    {
        for (int i = 1; i < characters.Count; i++)
        {
            for (int j = i; j > 0 && ClassOf(characters[j]) is > 0 and var mark && ClassOf(characters[j - 1]) > mark; j--)
                (characters[j - 1], characters[j]) = (characters[j], characters[j - 1]);
        }
    }

    private static List<int> Composed(List<int> characters)
    {
        var result = new List<int>();
        int letter = -1;
        foreach (int character in characters)
        {
            // A mark of the same class or a higher one between the two keeps them apart.
            bool isFree = letter >= 0 && (letter == result.Count - 1 || (ClassOf(result[^1]) is > 0 and var before && before < ClassOf(character)));
            if (isFree && Pair(result[letter], character) is { } whole)
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

    private static int? Pair(int first, int second)
    {
        int lead = first - FirstLead, vowel = second - FirstVowel, syllable = first - FirstSyllable, tail = second - FirstTail;
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
            return FirstSyllable + (((lead * Vowels) + vowel) * Tails);
        if (syllable is >= 0 and < Syllables && syllable % Tails == 0 && tail is > 0 and < Tails)
            return first + tail;
        return Unicode.Value.Wholes.TryGetValue((first, second), out int whole) ? whole : null;
    }

    private sealed record Tables(Dictionary<int, int[]> Parts, Dictionary<(int, int), int> Wholes, Dictionary<int, int> Classes)
    {
        public static Tables Read()
        {
            var tables = new Tables([], [], []);
            using var stream = typeof(FormC).Assembly.GetManifestResourceStream("FormC.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith('#'))
                    continue;
                if (line.Split(':') is [var range, var number])
                {
                    int[] ends = [.. range.Split('-').Select(Number)];
                    for (int character = ends[0]; character <= ends[1]; character++)
                        tables.Classes[character] = int.Parse(number, CultureInfo.InvariantCulture);
                    continue;
                }

                string[] words = line.Split('=', '>', ' ');
                int[] parts = [.. words.Skip(1).Select(Number)];
                tables.Parts[Number(words[0])] = parts;
                if (line.Contains('='))
                    tables.Wholes[(parts[0], parts[1])] = Number(words[0]);
            }

            return tables;
        }

        private static int Number(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
