using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Sla;

namespace Sla.Commands;

/// <summary><c>sla predict</c>.</summary>
internal static class PredictCommand
{
    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly ValueOption<int?> Top = ValueOption.Number("--top", "K", "Number of the most probable classes to show. Default 3.", least: 1);
    private static readonly Option<bool> Views = new("--views") { Description = "Also show the prediction of each transformed view of an image." };
    private static readonly ValueOption<SlaInference?> Inference = SharedOptions.Inference();
    private static readonly Option<bool> Json = SharedOptions.Json();
    private static readonly Argument<string[]> Files = new("FILE") { Description = "The images.", Arity = ArgumentArity.OneOrMore };

    public static Command Create()
    {
        var command = new Command("predict", "Predict the classes of image files.") { Model, Top, Views, Inference, Json, Files };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string[] files = parsed.GetValue(Files)!;
        if (files.FirstOrDefault(file => !File.Exists(file)) is { } missing)
            throw new InputException($"There is no file '{missing}'.");

        var predictions = Predict(parsed, files);
        if (parsed.GetValue(Json))
            Terminal.WriteJson(predictions);
        else
            Show(predictions);
        return ExitCode.Done;
    }

    private static List<Prediction> Predict(ParseResult parsed, string[] files)
    {
        int top = Top.Of(parsed) ?? 3;
        using var opened = Pipeline.OpenPredictor(parsed.GetValue(Model)!, Inference.Of(parsed));
        using var withViewScores = parsed.GetValue(Views) ? opened.WithViewScores() : null;
        var model = withViewScores ?? opened;
        return [.. files.Zip(model.Predict(files), (file, said) => new Prediction(
            file,
            Best(model, said.Score, top),
            withViewScores is null ? null : [.. model.Transformations.Zip(said.ViewScores, (view, scores) => new ViewPrediction(view.Name, Best(model, scores, top)))]))];
    }

    private static List<ClassProbability> Best(SlaPredictor model, IReadOnlyList<float> scores, int count) =>
        [.. scores.Select((score, i) => new ClassProbability(model.ClassNames[i], score)).OrderByDescending(c => c.Probability).Take(count)];

    private static void Show(List<Prediction> predictions)
    {
        foreach (var prediction in predictions)
        {
            Terminal.WriteLine($"{prediction.File}: {Line(prediction.Top)}");
            foreach (var view in prediction.Views ?? [])
                Terminal.WriteLine($"  {view.Transformation}: {Line(view.Top)}");
        }
    }

    private static string Line(IEnumerable<ClassProbability> classes) =>
        string.Join(", ", classes.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Label} {c.Probability:P1}")));

    private sealed record Prediction(string File, IReadOnlyList<ClassProbability> Top, IReadOnlyList<ViewPrediction>? Views)
    {
        public string PredictedLabel => Top[0].Label;
    }

    private sealed record ViewPrediction(string Transformation, IReadOnlyList<ClassProbability> Top);

    private sealed record ClassProbability(string Label, float Probability);
}
