using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;
using Sla.Report;
using Spectre.Console;

namespace Sla.Commands;

/// <summary><c>sla evaluate</c>.</summary>
internal static class EvaluateCommand
{
    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly ImageOptions Images = new();
    private static readonly ValueOption<SlaInference?> Inference = SharedOptions.Inference();
    private static readonly ValueOption<double?> Reject = SharedOptions.Reject();
    private static readonly Option<string?> Report = SharedOptions.Report();
    private static readonly Option<bool> Json = SharedOptions.Json();

    public static Command Create()
    {
        var command = new Command("evaluate", "Measure a model on labelled images.") { Model, Inference, Reject, Report, Json };
        foreach (var option in Images.All)
            command.Options.Add(option);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(Model)!;
        string? report = parsed.GetValue(Report);
        if (report is not null)
            OutputFile.Check(report);
        var roles = new FileRoles().Read("--model", path).Write("--report", report);
        Images.AddTo(roles, parsed);
        var mlContext = Terminal.NewContext(parsed);
        using var model = Pipeline.Open(mlContext, path, Inference.Of(parsed));
        var images = Images.Read(parsed, roles).OfClasses(model.ClassNames, "The model");
        if (Images.SkipsUnreadable(parsed))
            images = images.WithoutUnreadableImages();
        float? least = Reject.Of(parsed) is { } rate ? Rejection.Least(rate, model.ThresholdFor) : null;
        using var withConfidence = least is null ? null : model.WithConfidence(ScoredImages.ConfidenceColumn);
        var scored = images.Using(() => ScoredImages.Of(mlContext, withConfidence ?? model, images, hasConfidence: least is not null));
        if (report is not null)
        {
            var made = ModelReport.Of(mlContext, model, path, images, scored);
            OutputFile.Write(report, stream => ReportPage.Write(made, stream));
        }

        var evaluation = Evaluation.Of(scored, model.ClassNames, least);
        if (parsed.GetValue(Json))
            Terminal.WriteJson(evaluation);
        else
            Show(evaluation);
        return ExitCode.Done;
    }

    private static void Show(Evaluation evaluation)
    {
        var table = Terminal.Grid("class", "images", "precision", "recall", "f1");
        foreach (var c in evaluation.PerClass)
            table.AddRow(Terminal.Cell(c.Name), $"{c.Images}", Percent(c.Precision), Percent(c.Recall), Percent(c.F1));
        Terminal.Write(table);
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Plural.Of(evaluation.Images, "image")}: accuracy {evaluation.Accuracy:P1}, macro accuracy {evaluation.MacroAccuracy:P1}, log-loss {evaluation.LogLoss:F3}; {evaluation.ImagesPerSecond:F0} images/s ({evaluation.Inference})."));
        if (evaluation.Accepted is { } accepted)
        {
            Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Plural.Of(accepted.Images, "image")} of these accepted: accuracy {accepted.Accuracy:P1}. {Plural.Of(evaluation.Images - accepted.Images, "image")} rejected, of which {accepted.RejectedRight} would have been right."));
        }
    }

    private static string Percent(double? share) => share is { } value ? value.ToString("P1", CultureInfo.InvariantCulture) : "-";
}
