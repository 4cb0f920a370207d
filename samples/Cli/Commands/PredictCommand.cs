using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Sla;

namespace Sla.Commands;

/// <summary><c>sla predict</c>.</summary>
internal static class PredictCommand
{
    private const string ViewScoresColumn = "ViewScores";

    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly ValueOption<int?> Top = ValueOption.Number("--top", "K", "How many of the most probable classes are shown. Default 3.", least: 1);
    private static readonly Option<bool> Views = new("--views") { Description = "Also show what each transformed view of an image says by itself." };
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

        var mlContext = Terminal.NewContext(parsed);
        var predictions = Predict(mlContext, parsed, files);
        if (parsed.GetValue(Json))
            Terminal.WriteJson(predictions);
        else
            Show(predictions);
        return ExitCode.Done;
    }

    private static List<Prediction> Predict(MLContext mlContext, ParseResult parsed, string[] files)
    {
        bool withViews = parsed.GetValue(Views);
        int top = Top.Of(parsed) ?? 3;
        using var opened = Pipeline.Open(mlContext, parsed.GetValue(Model)!, Inference.Of(parsed));
        using var withViewScores = withViews ? opened.WithViewScores(ViewScoresColumn) : null;
        var model = withViewScores ?? opened;
        var rows = Pipeline.Load(
            mlContext, mlContext.Data.LoadFromEnumerable(files.Select(file => new ImageFile { ImagePath = file })), model.FeatureColumnName, model.ImageShape.Width);
        var scored = model.Transform(rows);
        return Failure.AsInput(() =>
        {
            float[][] scores = [.. scored.GetColumn<float[]>("Score")];
            float[][] views = withViews ? [.. scored.GetColumn<float[]>(ViewScoresColumn)] : [];
            return files.Select((file, i) => new Prediction(
                file,
                Best(model, scores[i], top),
                withViews ? [.. model.Transformations.Select((view, j) => new ViewPrediction(view.Name, Best(model, ViewScores(model, views[i], j), top)))] : null)).ToList();
        });
    }

    private static float[] ViewScores(SlaTransformer model, float[] scores, int view) => scores[(view * model.ClassNames.Count)..((view + 1) * model.ClassNames.Count)];

    private static List<ClassProbability> Best(SlaTransformer model, float[] scores, int count) =>
        [.. scores.Select((score, i) => new ClassProbability(model.ClassNames[i], score)).OrderByDescending(c => c.Probability).Take(count)];

    private static void Show(List<Prediction> predictions)
    {
        foreach (var prediction in predictions)
        {
            Console.Out.WriteLine($"{prediction.File}: {Line(prediction.Top)}");
            foreach (var view in prediction.Views ?? [])
                Console.Out.WriteLine($"  {view.Transformation}: {Line(view.Top)}");
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
