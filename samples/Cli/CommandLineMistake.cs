using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sla;

/// <summary>Says what is wrong with a command line, and what was probably meant.</summary>
internal static class CommandLineMistake
{
    /// <summary>Letters that may be wrong, missing or too many in a word that is recognised.</summary>
    private const int MostEdits = 2;

    /// <returns>The message; null where the command line is right.</returns>
    public static string? In(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        bool isRoot = command == parsed.RootCommandResult.Command;
        string? mistake = UnknownOption(parsed) ?? UnmatchedWord(parsed, isRoot) ?? (parsed.Errors is [var error, ..] ? error.Message : null);
        return mistake is null ? null : $"{mistake} Type '{(isRoot ? "sla" : $"sla {command.Name}")} --help' for a list.";
    }

    /// <summary>A word that looks like an option and is none. Where a command takes files, the parser takes it for a file.</summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        var afterDashes = parsed.Tokens.SkipWhile(token => token.Type != TokenType.DoubleDash).Select(token => token.Value);
        var words = parsed.UnmatchedTokens.Concat(parsed.CommandResult.Tokens.Select(token => token.Value)).Except(afterDashes);
        string? word = words.FirstOrDefault(word => word.StartsWith("--", StringComparison.Ordinal) && !Path.Exists(word));
        if (word is null)
            return null;
        string name = word.Split('=')[0];
        return $"There is no option '{name}'.{Suggestion(name, KnownOptions(parsed).Select(option => option.Name))}";
    }

    private static string? UnmatchedWord(ParseResult parsed, bool isRoot)
    {
        if (parsed.UnmatchedTokens is not [var word, ..])
            return null;
        if (isRoot)
            return $"There is no command '{word}'.{Suggestion(word, parsed.RootCommandResult.Command.Children.OfType<Command>().Select(command => command.Name))}";
        Func<Option, bool> isMeant = Directory.Exists(word) ? option => option.Name == ImageOptions.FolderName : IsMissing;
        string? meant = KnownOptions(parsed).FirstOrDefault(isMeant)?.Name;
        return $"'{word}' follows no option.{(meant is null ? "" : $" Did you mean {meant} {ShellCommand.Quoted(word)}?")}";

        bool IsMissing(Option option) => option.Required && parsed.GetResult(option) is null or { IdentifierToken: null };
    }

    private static IEnumerable<Option> KnownOptions(ParseResult parsed) => parsed.CommandResult.Command.Options.Concat(parsed.RootCommandResult.Command.Options);

    private static string Suggestion(string word, IEnumerable<string> known) =>
        known.Select(name => (Name: name, Edits: Edits(word, name))).Where(near => near.Edits <= MostEdits).OrderBy(near => near.Edits).Select(near => $" Did you mean '{near.Name}'?").FirstOrDefault() ?? "";

    /// <summary>Levenshtein's distance: the letters to change, add or remove to make one word of another.</summary>
    private static int Edits(string word, string other)
    {
        int[] edits = [.. Enumerable.Range(0, other.Length + 1)];
        for (int i = 1; i <= word.Length; i++)
        {
            int diagonal = edits[0];
            edits[0] = i;
            for (int j = 1; j <= other.Length; j++)
                (diagonal, edits[j]) = (edits[j], Math.Min(diagonal + (word[i - 1] == other[j - 1] ? 0 : 1), Math.Min(edits[j], edits[j - 1]) + 1));
        }

        return edits[^1];
    }
}
