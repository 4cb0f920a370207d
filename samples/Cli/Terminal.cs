using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace Sla;

/// <summary>Writes results to the standard output, and everything else to the standard error.</summary>
internal static class Terminal
{
    // Made when they are first used: a short command, such as predict, waits for neither.
    private static readonly Lazy<IAnsiConsole> ErrorConsole = new(() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }));
    private static readonly Lazy<JsonSerializerOptions> Indented = new(() => new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "Show the log of the library, and the stack trace of an error.",
        Recursive = true,
    };

    /// <summary>Where progress is shown.</summary>
    public static IAnsiConsole Progress => ErrorConsole.Value;

    /// <summary>Whether progress is shown on a terminal.</summary>
    public static bool IsLive => !Console.IsErrorRedirected;

    /// <summary>Says why the command ended. A message is one line; a stack trace has several.</summary>
    public static void Error(string message)
    {
        foreach (string line in $"sla: {message}".ReplaceLineEndings("\n").Split('\n'))
            Note(line);
    }

    /// <summary>Says something in a line. What a name in it has of control characters is shown and not done.</summary>
    public static void Note(string message) => Console.Error.WriteLine(VisibleText.Of(message));

    /// <summary>Writes a line of the result.</summary>
    public static void WriteLine(string line) => WriteResult(() => Console.Out.WriteLine(VisibleText.Of(line)));

    public static void WriteJson(object result) => WriteResult(() => Console.Out.WriteLine(JsonSerializer.Serialize(result, Indented.Value)));

    public static void Write(Table table) => WriteResult(() => AnsiConsole.Write(table));

    private static void WriteResult(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The result cannot be written to the standard output: {exception.Message.TrimEnd('.')}.", exception);
        }
    }

    /// <summary>Text for a cell of a table: without markup, and with control characters shown.</summary>
    public static string Cell(string text) => Markup.Escape(VisibleText.Of(text));

    public static Table Grid(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        for (int i = 0; i < columns.Length; i++)
            table.AddColumn(new TableColumn(columns[i]) { Alignment = i == 0 ? Justify.Left : Justify.Right });
        return table;
    }

    /// <summary>A context that writes its warnings to the standard error, and with --verbose its whole log.</summary>
    public static MLContext NewContext(ParseResult parsed, int? seed = null)
    {
        bool verbose = parsed.GetValue(Verbose);
        var mlContext = new MLContext(seed);
        mlContext.Log += (_, entry) =>
        {
            if (entry.Kind == ChannelMessageKind.Error || (entry.Source.Contains("Sla", StringComparison.Ordinal) && (verbose || entry.Kind == ChannelMessageKind.Warning)))
                Note(OptionNames.InMessage(entry.RawMessage.ReplaceLineEndings(" ")));
        };
        return mlContext;
    }
}
