using System.CommandLine;
using Sla;
using Sla.Commands;

Console.SetError(new LenientWriter(Console.Error));
var root = new RootCommand(
    """
    Trains an image classifier from a folder of images. Evaluates it, predicts with it and exports it.

    Exit codes: 0 done, 1 bad input, 2 failed, 130 cancelled.
    """)
{
    Terminal.Verbose,
};
foreach (var command in Commands(args))
    root.Subcommands.Add(command);

// A word that begins with @ is a file like any other, and not one with options in it.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (CommandLineMistake.In(parsed) is { } mistake)
{
    Terminal.Error(mistake);
    return ExitCode.BadInput;
}

try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception exception)
{
    Terminal.Error(parsed.GetValue(Terminal.Verbose) ? exception.ToString() : Failure.MessageOf(exception));
    return Failure.ExitCodeOf(exception);
}

// The options of a command take time to make, so only the command that is typed is made. Any other word needs all of them, for the help.
static IEnumerable<Command> Commands(string[] args)
{
    (string Name, Func<Command> Create)[] all =
    [
        ("train", TrainCommand.Create),
        ("search", SearchCommand.Create),
        ("evaluate", EvaluateCommand.Create),
        ("predict", PredictCommand.Create),
        ("inspect", InspectCommand.Create),
        ("export", ExportCommand.Create),
        ("find-lr", FindLearningRateCommand.Create),
    ];
    var typed = Array.Find(all, command => args is [var word, ..] && word == command.Name);
    return typed.Create is { } create ? [create()] : all.Select(command => command.Create());
}
