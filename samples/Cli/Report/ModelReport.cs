using System.Reflection;
using System.Xml;
using System.Xml.Linq;
using Microsoft.ML;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report;

/// <summary>One HTML file about a model, which needs nothing else: how it was trained, what it gets right, and what it does not.</summary>
internal sealed class ModelReport
{
    private const int MostMistakes = 12;
    private const int MostClassesOfMatrix = 25;
    private const int MostClassesOfTable = 200;
    private const int MostConfusions = 20;

    private readonly SlaTransformer _model;
    private readonly string _name;
    private readonly ImageSet? _images;
    private readonly ReportedRun? _run;
    private readonly IReadOnlyList<ScoredImages> _scored;
    private readonly IReadOnlyList<Calibration> _calibrations;
    private readonly IReadOnlyList<Mistake> _mistakes;

    /// <summary>Scores images in every way that the model defines.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="images">Labelled images to measure it on; null where there are none.</param>
    /// <param name="scored">What it says of them.</param>
    /// <param name="run">The run that made it; null where it is not known.</param>
    /// <param name="cancellationToken">Ends the scoring.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ModelReport(
        MLContext mlContext, SlaTransformer model, string path, ImageSet? images, ScoredImages? scored, ReportedRun? run, CancellationToken cancellationToken = default)
    {
        _model = model;
        _name = Path.GetFileName(path);
        _images = images;
        _run = run;
        _scored = images is null || scored is null ? [] : [scored, .. Others(mlContext, model, images, cancellationToken)];
        _calibrations = [.. _scored.Select(Calibration.Of)];
        _mistakes = scored is null ? [] : Mistake.Worst(mlContext, model, scored, MostMistakes);
    }

    /// <summary>The search that found the model; null where it was trained by itself.</summary>
    public SlaExperimentResult? Search { get; init; }

    public void Write(string path)
    {
        using var writer = new StreamWriter(path);
        writer.WriteLine("<!DOCTYPE html>");
        writer.Write(Page().ToString(SaveOptions.DisableFormatting));
    }

    /// <summary>Writes the report of a model that was just written.</summary>
    /// <param name="model">The file of the model.</param>
    /// <param name="report">The file to write.</param>
    /// <param name="make">Scores images, and makes the report.</param>
    /// <exception cref="OperationCanceledException">It was stopped; the message says how to make the report.</exception>
    /// <exception cref="TrainingFailedException">It cannot be written; the message says how to make it.</exception>
    public static void WriteAfter(string model, string report, Func<ModelReport> make)
    {
        try
        {
            OutputFile.Write(report, make().Write);
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException($"Stopped before '{report}' was written; '{model}' was. {HowToMake()}", exception);
        }
        catch (Exception exception) when (exception is IOException or InputException)
        {
            throw new TrainingFailedException($"{exception.Message} '{model}' was written. {HowToMake()}", exception);
        }

        string HowToMake() => $"Make the report with: sla evaluate --model {model} --report {report} --images DIR";
    }

    private static IEnumerable<ScoredImages> Others(MLContext mlContext, SlaTransformer model, ImageSet images, CancellationToken cancellationToken)
    {
        foreach (var inference in model.Inferences.Where(inference => inference != model.Inference))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var other = model.WithInference(inference);
            yield return ScoredImages.Of(mlContext, other, images);
        }
    }

    private XElement Page() => new("html",
        new XAttribute("lang", "en"),
        new XElement("head",
            new XElement("meta", new XAttribute("charset", "utf-8")),
            new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
            new XElement("meta", new XAttribute("name", "color-scheme"), new XAttribute("content", "light dark")),
            new XElement("title", Text($"{_name} - report")),
            new XElement("style", StyleSheet())),
        new XElement("body", new XElement("main", Heading(), Training(), Trials(), Inferences(), Confusions(), Classes(), Mistakes(), Facts())));

    private XElement Heading()
    {
        string network = Invariant($"{_model.ClassNames.Count} classes, images of {_model.ImageShape}; {_model.Architecture}; {_model.Objective} with {_model.Transformations}; scored {Lower(_model.Inference)}.");
        if (_scored.Count == 0)
        {
            return new XElement("header",
                new XElement("h1", Text(_name)),
                new XElement("p", Text(network)),
                new XElement("p", "No images were kept from training, so there is nothing to measure the model on: see --validation-fraction and --validation, or sla evaluate --report."));
        }

        var own = _scored[0];
        return new XElement("header",
            new XElement("h1", Text(_name)),
            new XElement("p", Text(network)),
            new XElement("dl", new XAttribute("class", "tiles"),
                Tile("accuracy", Percent(own.Metrics.MicroAccuracy)),
                Tile("macro accuracy", Percent(own.Metrics.MacroAccuracy)),
                Tile("log-loss", Invariant($"{own.Metrics.LogLoss:F3}")),
                Tile("calibration error", Percent(_calibrations[0].Error)),
                Tile("images", Invariant($"{own.Images.Count:N0}")),
                Tile("images a second", Invariant($"{own.ImagesPerSecond:N0}"))),
            new XElement("p", new XAttribute("class", "note"), Text($"Measured on images of '{_images!.Source}'{(_run is null ? "" : $" that were not trained on; the {(Search is null ? "epoch" : "trial")} was chosen by them")}.")));

        static XElement Tile(string name, string value) => new("div", new XElement("dt", name), new XElement("dd", value));
    }

    private XElement Training()
    {
        var history = _model.TrainingHistory;
        var losses = new[] { Curve("training", epoch => epoch.Loss), Curve("validation", epoch => epoch.ValidationLoss) };
        var accuracies = new[] { Curve("training", epoch => epoch.TrainingAccuracy), Curve("validation", epoch => epoch.ValidationAccuracy) };
        string kept = history.BestEpoch is { } best
            ? Invariant($"The model has the weights of epoch {best}, the best of {history.Epochs.Count}{(history.StoppedEarly ? ", where early stopping ended the run" : "")}.")
            : Invariant($"The model has the weights of the last of {history.Epochs.Count} epochs.");
        return Section("Training",
            new XElement("p", kept),
            new XElement("div", new XAttribute("class", "charts"),
                Chart.ByEpoch("Loss", "0.##", losses.OfType<ChartLine>()),
                accuracies.Any(line => line is not null) ? Chart.ByEpoch("Accuracy", "P0", accuracies.OfType<ChartLine>()) : null,
                Chart.ByEpoch("Learning rate", "0.####", Curve("learning rate", epoch => epoch.LearningRate)!)),
            new XElement("p", new XAttribute("class", "note"),
                "The training loss is the objective's, of augmented images under the views of a step; the validation loss is the cross-entropy of class probabilities. "
                + "Training accuracy is that on as many training images as there are validation images, without augmentation."));

        ChartLine? Curve(string name, Func<EpochMetrics, double?> value)
        {
            var points = history.Epochs.Where(epoch => value(epoch) is not null).Select(epoch => ((double)epoch.Epoch, value(epoch)!.Value)).ToList();
            return points.Count == 0 ? null : new ChartLine(name, points);
        }
    }

    private XElement? Trials()
    {
        if (Search is null)
            return null;
        var trials = Leaderboard.InOrder(Search.Trials).ToList();
        return Section("The search",
            new XElement("p", Text($"{trials.Count} trials in {Search.Elapsed:hh\\:mm\\:ss}; the model is of trial {Search.Best.Number}{(Search.IsComplete ? "" : ", as far as it was trained when the search was stopped")}.")),
            new XElement("div", new XAttribute("class", "charts"),
                Chart.ByTime("Accuracy of the trials", "P0", trials.Where(trial => trial.Intervals.Count > 0).Select(trial =>
                    (trial == Search.Best, new ChartLine($"trial {trial.Number}", [.. trial.Intervals.Select(interval => (interval.Elapsed, interval.Accuracy))]))))),
            Table(["trial", "steps", "accuracy", "macro accuracy", "log-loss", "less than the best there", "standard error"], trials.Select(TrialRow), "wide trials"),
            new XElement("p", new XAttribute("class", "note"),
                "Every trial is measured on the same validation images after a part of its training; those that came farthest are first. "
                + "The difference is that to the best trial at the same part so far, by the images that one of the two has right and the other has not."));

        static XElement TrialRow(SlaTrial trial)
        {
            string name = Invariant($"{trial.Number} {trial.Name}{(trial.Failure is null ? "" : $": {trial.Failure}")}");
            if (trial.Last is not { } last)
                return Row(name, "-", "-", "-", "-", "-", "-");
            return Row(
                name,
                Invariant($"{last.Steps:N0} of {trial.Steps:N0}"),
                Percent(last.Accuracy),
                Percent(last.MacroAccuracy),
                Invariant($"{last.LogLoss:F3}"),
                last.Against is { } against ? Percent(-against.Difference) : "-",
                last.Against is { } compared ? Invariant($"± {compared.StandardError:P1}") : "-");
        }
    }

    private XElement? Inferences()
    {
        if (_scored.Count == 0)
            return null;
        var rows = _scored.Zip(_calibrations, (scored, calibration) => Row(
            Lower(scored.Inference),
            Percent(scored.Metrics.MicroAccuracy),
            Invariant($"± {HalfWidth(scored):P1}"),
            Percent(scored.Metrics.MacroAccuracy),
            Invariant($"{scored.Metrics.LogLoss:F3}"),
            Percent(calibration.Error),
            Invariant($"{scored.ImagesPerSecond:N0}")));
        return Section("Ways to predict",
            new XElement("p", "Single looks at the image as it is; aggregated averages its views, in as many passes; distilled asks the head that was taught by that average, in one pass. An objective defines some of them."),
            Table(["inference", "accuracy", "95 % interval", "macro accuracy", "log-loss", "calibration error", "images/s"], rows),
            new XElement("div", new XAttribute("class", "charts"),
                Chart.Bars("Accuracy with its 95 % interval", [.. _scored.Select(scored => (Lower(scored.Inference), scored.Metrics.MicroAccuracy, HalfWidth(scored)))]),
                Chart.OfShares("Calibration", "probability of the predicted class", "share that is right",
                    _scored.Zip(_calibrations, (scored, calibration) => new ChartLine(Lower(scored.Inference), [.. calibration.Bins.Select(bin => (bin.Confidence, bin.Accuracy))])))),
            new XElement("p", new XAttribute("class", "note"),
                "The interval is that of the accuracy by itself; the inferences are measured on the same images. The calibration error is the mean distance of the line from the diagonal, by the images of ten bins. "
                + "Images a second: read, decoded and scored."));
    }

    private XElement? Confusions()
    {
        if (_scored.Count == 0)
            return null;
        var counts = _scored[0].Metrics.ConfusionMatrix.Counts;
        var names = _model.ClassNames;
        if (names.Count <= MostClassesOfMatrix)
            return Section("Confusion matrix", new XElement("p", "Images by true class, down, and predicted class, to the right."), Matrix(counts));

        var confusions = from truth in Enumerable.Range(0, names.Count)
                         from predicted in Enumerable.Range(0, names.Count)
                         where truth != predicted && counts[truth][predicted] > 0
                         orderby counts[truth][predicted] descending
                         select Row(names[truth], names[predicted], Invariant($"{counts[truth][predicted]:N0}"), Percent(counts[truth][predicted] / counts[truth].Sum()));
        return Section("Most frequent confusions",
            Table(["true class", "predicted class", "images", "share of the true class"], confusions.Take(MostConfusions)),
            new XElement("p", new XAttribute("class", "note"), Invariant($"A matrix is drawn for {MostClassesOfMatrix} classes or fewer; there are {names.Count:N0}.")));
    }

    private XElement Matrix(IReadOnlyList<IReadOnlyList<double>> counts)
    {
        var names = _model.ClassNames;
        var head = new XElement("tr", new XElement("th", ""), names.Select(name => new XElement("th", new XAttribute("scope", "col"), new XElement("span", Text(name)))));
        var rows = names.Select((name, truth) => new XElement("tr",
            new XElement("th", new XAttribute("scope", "row"), Text(name)),
            names.Select((_, predicted) => Cell(truth, predicted))));
        return new XElement("div", new XAttribute("class", "wide"), new XElement("table", new XAttribute("class", "matrix"), new XElement("thead", head), new XElement("tbody", rows)));

        XElement Cell(int truth, int predicted)
        {
            double count = counts[truth][predicted];
            double share = count == 0 ? 0 : count / counts[truth].Sum();
            return new XElement("td",
                new XAttribute("class", truth == predicted ? "right" : "wrong"),
                new XAttribute("style", Invariant($"--share: {share:P0}").Replace(" %", "%", StringComparison.Ordinal)),
                Invariant($"{count:0}"));
        }
    }

    private XElement? Classes()
    {
        if (_scored.Count == 0)
            return null;
        var counts = _scored[0].Metrics.ConfusionMatrix.Counts;
        var classes = _model.ClassNames.Select((name, i) => ClassEvaluation.Of(name, counts, i)).ToList();
        var shown = classes.Count <= MostClassesOfTable ? classes : [.. classes.Where(c => c.F1 is not null).OrderBy(c => c.F1).Take(MostClassesOfTable)];
        return Section("Classes",
            shown.Count < classes.Count ? new XElement("p", Invariant($"The {shown.Count:N0} of {classes.Count:N0} classes with the lowest F1.")) : null,
            Table(["class", "images", "precision", "recall", "F1"], shown.Select(c => Row(c.Name, Invariant($"{c.Images:N0}"), Percent(c.Precision), Percent(c.Recall), Percent(c.F1)))));
    }

    private XElement? Mistakes()
    {
        if (_scored.Count == 0)
            return null;
        if (_mistakes.Count == 0)
            return Section("Mistakes", new XElement("p", "There are none."));
        int all = Enumerable.Range(0, _scored[0].Images.Count).Count(image => !_scored[0].IsRight(image));
        return Section("Worst mistakes",
            new XElement("p", Invariant($"{_mistakes.Count} of {all:N0}, those with the least probability of the true class. The small pictures are the views as the network sees them, with what each says by itself.")),
            new XElement("div", new XAttribute("class", "mistakes"), _mistakes.Select(Card)));

        XElement Card(Mistake mistake) => new("article",
            Picture(mistake.Picture, $"An image of the class {mistake.Image.Label}", "photo"),
            new XElement("div",
                new XElement("p", new XElement("b", Text(mistake.Image.Label)), Invariant($" {mistake.Label:P1}, predicted "), new XElement("b", Text(mistake.Predicted.Name)), Invariant($" {mistake.Predicted.Probability:P1}")),
                new XElement("p", new XAttribute("class", "path"), Text(Path.GetRelativePath(Folder(), mistake.Image.ImagePath))),
                new XElement("ul", mistake.Views.Select(view => new XElement("li",
                    new XAttribute("class", view.Says.Name == mistake.Image.Label ? "right" : "wrong"),
                    Picture(view.Picture, $"The view {view.Transformation}", "view"),
                    new XElement("span", Text(view.Transformation)),
                    new XElement("b", Text(view.Says.Name)),
                    new XElement("span", Percent(view.Says.Probability)))))));

        static XElement Picture(string address, string alt, string kind) =>
            new("img", new XAttribute("src", address), new XAttribute("alt", Text(alt)), new XAttribute("class", kind));
    }

    private XElement Facts()
    {
        var history = _model.TrainingHistory;
        var cost = _model.Architecture.Cost(_model.ImageShape);
        IReadOnlyList<(string, string)> made =
        [
            ("network", $"{_model.Architecture}, {cost}"),
            ("trained on", Invariant($"{history.Images:N0} images, {history.Epochs.Count} epochs, {history.Epochs[^1].Step:N0} steps, seed {history.Seed}")),
            ("validated on", Invariant($"{history.ValidationImages:N0} images")),
            ("unreadable images left out", Invariant($"{history.UnreadableImages:N0}")),
            ("library", $"Microsoft.ML.Sla {typeof(SlaTransformer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]}"),
        ];
        return Section("The run",
            new XElement("div", new XAttribute("class", "facts"),
                List("Model", made),
                _run is null ? null : List("Data", _run.Data),
                _run is null ? null : List("Options", _run.Options),
                _run is null ? null : List("Time and speed", _run.Speed)));

        static XElement List(string title, IReadOnlyList<(string Name, string Value)> entries) => new("div",
            new XElement("h3", title),
            new XElement("dl", entries.Select(entry => new[] { new XElement("dt", Text(entry.Name)), new XElement("dd", Text(entry.Value)) })));
    }

    private string Folder() => Directory.Exists(_images!.Source) ? _images.Source : Path.GetDirectoryName(Path.GetFullPath(_images.Source))!;

    private static XElement Section(string title, params object?[] content) => new("section", new XElement("h2", title), content);

    private static XElement Table(string[] columns, IEnumerable<XElement> rows, string classes = "wide") => new("div", new XAttribute("class", classes),
        new XElement("table",
            new XElement("thead", new XElement("tr", columns.Select(column => new XElement("th", new XAttribute("scope", "col"), column)))),
            new XElement("tbody", rows)));

    private static XElement Row(params string[] cells) => new("tr", cells.Select(cell => new XElement("td", Text(cell))));

    /// <summary>Half the width of the 95 % interval of an accuracy (Wilson 1927).</summary>
    private static double HalfWidth(ScoredImages scored)
    {
        const double Z = 1.96;
        double share = scored.Metrics.MicroAccuracy, count = scored.Images.Count;
        return Z / (1 + (Z * Z / count)) * Math.Sqrt((share * (1 - share) / count) + (Z * Z / (4 * count * count)));
    }

    /// <summary>Names of files and classes may hold characters that a page may not.</summary>
    private static string Text(string text) => string.Concat(text.EnumerateRunes().Select(rune =>
        rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? "\uFFFD" : rune.ToString()));

    private static string Lower(SlaInference inference) => inference.ToString().ToLowerInvariant();

    private static string Percent(double? share) => share is { } value ? Invariant($"{value:P1}") : "-";

    private static string StyleSheet()
    {
        using var stream = typeof(ModelReport).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
