using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;
using Spectre.Console;

namespace Sla.Commands;

/// <summary><c>sla evaluate</c>.</summary>
internal static class EvaluateCommand
{
    private static readonly Option<string> Model = ModelOption();
    private static readonly Option<string?> Images = new("--images") { Description = "Folder of images, with one folder for each class.", HelpName = "DIR" };
    private static readonly Option<string?> List = new("--list") { Description = "In place of --images: a file of lines with the path of an image, a tab, and its label.", HelpName = "FILE.tsv" };
    private static readonly ValueOption<SlaInference?> Inference = InferenceOption();
    private static readonly Option<bool> Json = Terminal.Json();

    public static Command Create()
    {
        var command = new Command("evaluate", "Measure a model on labelled images.") { Model, Images, List, Inference, Json };
        command.SetAction(Run);
        return command;
    }

    public static Option<string> ModelOption() => new("--model") { Description = "A model that 'sla train' wrote.", HelpName = "M.zip", Required = true };

    public static ValueOption<SlaInference?> InferenceOption() => TrainingOptions.InferenceOption();

    private static int Run(ParseResult parsed)
    {
        var mlContext = Terminal.NewContext(parsed);
        using var model = Pipeline.Open(mlContext, parsed.GetValue(Model)!, Inference.Of(parsed));
        var images = TrainingOptions.ReadImages(parsed.GetValue(Images), parsed.GetValue(List));
        images.CheckClasses([.. model.ClassNames], "the model");
        var evaluation = Evaluation.Of(mlContext, model, images);
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
            table.AddRow(Markup.Escape(c.Name), $"{c.Images}", Percent(c.Precision), Percent(c.Recall), Percent(c.F1));
        Terminal.Write(table);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{evaluation.Images} images: accuracy {evaluation.Accuracy:P1}, macro accuracy {evaluation.MacroAccuracy:P1}, log-loss {evaluation.LogLoss:F3}; {evaluation.ImagesPerSecond:F0} images/s ({evaluation.Inference})."));
    }

    private static string Percent(double? share) => share is { } value ? value.ToString("P1", CultureInfo.InvariantCulture) : "-";
}
