using System.CommandLine;
using Sla;
using Sla.Commands;

var root = new RootCommand(
    """
    Trains an image classifier from a folder of images, and looks at it, predicts with it and exports it.

    Exit codes: 0 done, 1 bad input, 2 failed, 130 cancelled.
    """)
{
    TrainCommand.Create(),
    EvaluateCommand.Create(),
    PredictCommand.Create(),
    InspectCommand.Create(),
    ExportCommand.Create(),
    FindLearningRateCommand.Create(),
};
root.Options.Add(Terminal.Verbose);

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    string command = parsed.CommandResult.Command == root ? "sla" : $"sla {parsed.CommandResult.Command.Name}";
    string message = parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is not known here." : parsed.Errors[0].Message;
    Terminal.Error($"{message} Type '{command} --help' to see what there is.");
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
