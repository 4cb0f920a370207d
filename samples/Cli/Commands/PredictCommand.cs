using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML.Sla;

namespace Sla.Commands;

/// <summary><c>sla predict</c>.</summary>
internal static class PredictCommand
{
    /// <summary>Files that are scored together, on all processors, before their results are shown.</summary>
    private const int FilesTogether = 64;

    private static readonly Option<string> Model = SharedOptions.Model();
    private static readonly ValueOption<int?> Top = ValueOption.Number("--top", "K", "Number of the most probable classes to show. Default 3.", least: 1);
    private static readonly Option<bool> Views = new("--views") { Description = "Also show the prediction of each transformed view of an image." };
    private static readonly ValueOption<SlaInference?> Inference = SharedOptions.Inference();
    private static readonly ValueOption<double?> Reject = SharedOptions.Reject();
    private static readonly Option<bool> Json = SharedOptions.Json();
    private static readonly Argument<string[]> Files = new("FILE") { Description = "The images. A folder stands for all images in it and below it.", Arity = ArgumentArity.OneOrMore };

    public static Command Create()
    {
        var command = new Command("predict", "Predict the classes of image files.") { Model, Top, Views, Inference, Reject, Json, Files };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        bool isJson = parsed.GetValue(Json);
        var all = new List<Prediction>();
        bool areAllGood = true;
        foreach (var prediction in Predict(parsed))
        {
            areAllGood &= prediction.Error is null;
            if (prediction.Error is { } error)
                Terminal.Error(error);
            else if (!isJson)
                Show(prediction);
            if (isJson)
                all.Add(prediction);
        }

        if (isJson)
            Terminal.WriteJson(all);
        return areAllGood ? ExitCode.Done : ExitCode.BadInput;
    }

    private static IEnumerable<Prediction> Predict(ParseResult parsed)
    {
        int top = Top.Of(parsed) ?? 3;
        using var opened = Pipeline.OpenPredictor(parsed.GetValue(Model)!, Inference.Of(parsed));
        using var withViewScores = parsed.GetValue(Views) ? opened.WithViewScores() : null;
        var model = withViewScores ?? opened;
        float? least = Reject.Of(parsed) is { } rate ? Rejection.Least(rate, model.ThresholdFor) : null;
        foreach (var some in parsed.GetValue(Files)!.SelectMany(Found).Chunk(FilesTogether))
        {
            foreach (var prediction in Scored(model, some, Result))
                yield return prediction;
        }

        Prediction Result(string file, SlaPrediction said) => new(
            file,
            said.Top(top),
            withViewScores is null ? null : [.. model.Transformations.Select((view, i) => new ViewPrediction(view.Name, said.TopOfView(i, top)))])
        {
            Confidence = said.Confidence,
            Rejected = least is null ? null : said.Confidence < least,
        };
    }

    /// <summary>The images that a word of the command line stands for, and what is wrong with it.</summary>
    private static IEnumerable<Prediction> Found(string path)
    {
        if (!Directory.Exists(path))
            return [File.Exists(path) ? new Prediction(path) : new Prediction(path) { Error = $"There is no file '{path}'." }];
        var wrong = new List<Prediction>();
        var walk = new FolderWalk((folder, why) => wrong.Add(new Prediction(folder) { Error = $"The folder '{folder}' cannot be read: {why.Message}" }));
        var images = walk.Find([path])[0];
        walk.Note();
        if (images.Count == 0 && wrong.Count == 0)
            wrong.Add(new Prediction(path) { Error = $"There is no image in '{path}' ({FolderWalk.Endings})." });
        return [.. images.Select(image => new Prediction(image)), .. wrong];
    }

    /// <summary>Scores the files that were found.</summary>
    private static IEnumerable<Prediction> Scored(SlaPredictor model, Prediction[] some, Func<string, SlaPrediction, Prediction> result)
    {
        using var scored = model.PredictAll([.. some.Where(file => file.Error is null).Select(file => file.File)]).GetEnumerator();
        foreach (var file in some)
        {
            if (file.Error is not null || !scored.MoveNext())
                yield return file;
            else if (scored.Current is { IsSuccess: true } done)
                yield return result(file.File, done.Prediction);
            else
                yield return file with { Error = Failure.MessageOf(scored.Current.Error!) };
        }
    }

    private static void Show(Prediction prediction)
    {
        string rejected = prediction.Rejected == true ? string.Create(CultureInfo.InvariantCulture, $"none of these (confidence {prediction.Confidence:F3}), nearest ") : "";
        Terminal.WriteLine($"{prediction.File}: {rejected}{Line(prediction.Top!)}");
        foreach (var view in prediction.Views ?? [])
            Terminal.WriteLine($"  {view.Transformation}: {Line(view.Top)}");
    }

    private static string Line(IEnumerable<ClassProbability> classes) =>
        string.Join(", ", classes.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Label} {c.Probability:P1}")));

    /// <summary>A file with its prediction, or with what is wrong with it.</summary>
    private sealed record Prediction(string File, IReadOnlyList<ClassProbability>? Top = null, IReadOnlyList<ViewPrediction>? Views = null)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Error { get; init; }

        /// <summary>The most probable class; null where the prediction is rejected.</summary>
        public string? PredictedLabel => Rejected == true ? null : Top?[0].Label;

        public float? Confidence { get; init; }

        /// <summary>Whether the image is answered with "none of these"; null without <c>--reject</c>.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public bool? Rejected { get; init; }
    }

    private sealed record ViewPrediction(string Transformation, IReadOnlyList<ClassProbability> Top);
}
