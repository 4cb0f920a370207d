using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;
using Spectre.Console;

namespace Sla.Commands;

/// <summary><c>sla inspect</c>.</summary>
internal static class InspectCommand
{
    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly Option<bool> Json = SharedOptions.Json();

    public static Command Create()
    {
        var command = new Command("inspect", "Show what a model is and how it was trained.") { Model, Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(Model)!;
        using var model = Pipeline.Open(Terminal.NewContext(parsed), path, inference: null);
        if (parsed.GetValue(Json))
            Terminal.WriteJson(Description(path, model));
        else
            Show(path, model);
        return ExitCode.Done;
    }

    private static object Description(string path, SlaTransformer model)
    {
        var cost = model.Architecture.Cost(model.ImageShape);
        return new
        {
            Model = path,
            Bytes = new FileInfo(path).Length,
            Classes = model.ClassNames,
            Image = new { model.ImageShape.Channels, model.ImageShape.Height, model.ImageShape.Width },
            Architecture = model.Architecture.Name,
            cost.Parameters,
            cost.MultiplyAdds,
            Objective = model.Objective.ToString(),
            Transformations = model.Transformations.Select(transformation => transformation.Name),
            Inference = model.Inference.ToString(),
            Inferences = model.Inferences.Select(inference => inference.ToString()),
            model.Temperature,
            Training = model.TrainingHistory,
        };
    }

    private static void Show(string path, SlaTransformer model)
    {
        var history = model.TrainingHistory;
        var last = history.Epochs[^1];
        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        Row("file", $"{path}, {new FileInfo(path).Length / 1024.0:F0} KiB");
        Row("classes", $"{model.ClassNames.Count}: {string.Join(", ", model.ClassNames.Take(20))}{(model.ClassNames.Count > 20 ? ", ..." : "")}");
        Row("images", $"{model.ImageShape}");
        Row("network", $"{model.Architecture}, {model.Architecture.Cost(model.ImageShape)}");
        Row("objective", $"{model.Objective}, transformations {model.Transformations}");
        Row("inference", $"{model.Inference} (of {string.Join(", ", model.Inferences)})");
        if (model.Temperature != 1)
            Row("calibrated", $"temperature {model.Temperature:F3} of the probabilities");
        Row("trained", $"{Plural.Of(history.Epochs.Count, "epoch")} on {Plural.Of(history.Images, "image")}, seed {history.Seed}{(history.StoppedEarly ? ", stopped early" : "")}; loss {last.Loss:F3}");
        if (MeasuredAccuracy.Of(history) is { } measured)
            Row("validated", $"{measured}");
        Terminal.Write(table);

        void Row(string name, FormattableString value) => table.AddRow(Terminal.Cell(name), Terminal.Cell(value.ToString(CultureInfo.InvariantCulture)));
    }
}
