using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Sla;
using Sla.Report;

namespace Sla.Commands;

/// <summary><c>sla search</c>.</summary>
internal sealed class SearchCommand
{
    private readonly TrainingOptions _training = new();
    private readonly BackboneOptions _backbone = new();
    private readonly Option<string> _model = new("--model") { Description = "File to write the model to.", HelpName = "OUT.zip", Required = true };
    private readonly ValueOption<uint?> _maxSeconds = ValueOption.Number<uint>("--max-seconds", "S", "Seconds that the search may take. Default 600.", least: 1);
    private readonly ValueOption<int?> _maxTrials = ValueOption.Number("--max-trials", "N", "Largest number of trials. Default: as many as fit into the time.", least: 1);
    private readonly Option<string?> _validation = new("--validation") { Description = "Folder of images to compare trials on. It has a folder for each class.", HelpName = "DIR" };
    private readonly ValueOption<float?> _validationFraction = ValueOption.Number("--validation-fraction", "F", "Share of the images to compare trials on. Trials are not trained on them. Default 0.2.", least: 0.01f);
    private readonly ValueOption<int?> _folds = ValueOption.Number("--folds", "N", "For few images, in place of validation images: train each trial N times and compare the means.", least: 2);
    private readonly Option<bool> _holdOut = new("--hold-out")
    {
        Description = "Never train the model on the images that trials are compared on, and measure it on them. Without this option the model learns them in its last part and becomes better. --report implies it, except with --folds.",
    };

    private readonly ValueOption<SearchMetric> _metric = ValueOption.Choice(
        "--metric", "What trials are compared by", ("accuracy", SearchMetric.MicroAccuracy), ("macro-accuracy", SearchMetric.MacroAccuracy), ("log-loss", SearchMetric.LogLoss));

    private readonly ValueOption<double?> _maxMilliseconds = ValueOption.Number("--max-ms", "MS", "Leave out networks that take more than MS milliseconds to predict an image on one thread.", least: 0.001);
    private readonly Option<string[]> _fix = new("--fix") { Description = $"Fix a dimension of the search to one value. May be repeated. Dimensions: {string.Join(", ", new SlaSearchSpace().Names)}.", HelpName = "NAME=VALUE" };
    private readonly Option<string?> _folder = new("--folder") { Description = "Folder of the search's record. Default: OUT.zip.search. The default folder is deleted at the end.", HelpName = "DIR" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Continue a stopped search." };
    private readonly Option<string?> _report = SharedOptions.Report();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create()
    {
        var search = new SearchCommand();
        var command = new Command("search", "Find out which transformations, network and settings suit the images, and train a model with them.");
        search._training.AddAllButEpochsTo(command);
        search._backbone.AddTo(command);
        foreach (var option in new Option[]
            {
                search._model, search._maxSeconds, search._maxTrials, search._validation, search._validationFraction, search._folds, search._holdOut, search._metric,
                search._maxMilliseconds, search._fix, search._folder, search._resume, search._report, search._json,
            })
        {
            command.Options.Add(option);
        }

        command.SetAction(search.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(_model)!;
        using var taken = OutputFile.Take(path);
        string? report = parsed.GetValue(_report);
        if (report is not null)
            OutputFile.Check(report);
        var (space, fixedBackbone, isNetworkFixed) = SearchSpace(parsed);
        bool hasOwnFolder = parsed.GetValue(_folder) is null;
        string folder = parsed.GetValue(_folder) ?? path + ".search";
        var roles = new FileRoles()
            .Write(_model.Name, path)
            .Write(_report.Name, report)
            .Write(_folder.Name, folder)
            .Read(_validation.Name, parsed.GetValue(_validation))
            .Read("--backbone", fixedBackbone ?? parsed.GetValue<string>("--backbone"));
        _training.AddTo(roles, parsed);
        var images = _training.ReadImages(parsed, roles);
        var validation = images.OfSameClasses(parsed.GetValue(_validation), _training.SkipsUnreadable(parsed));
        roles.Read($"an image of {_validation.Name}", validation?.Images.Select(image => image.ImagePath) ?? []);
        CheckFolder(folder, parsed.GetValue(_resume));
        var options = _training.For(parsed, images);
        int? backboneSide = _backbone.Apply(parsed, _training, images, space, fixedBackbone, isNetworkFixed);
        int largestSide = Math.Max(options.ImageWidth!.Value, backboneSide ?? 0);
        var rows = new ValidationRows();

        // The experiment copies its options and shares their lists: the leaderboard comes when it is shown.
        List<ITrainingObserver> observers = [rows];
        options.Observers = observers;

        // Each set of transformations has its own number of views, where none is given.
        options.ViewsPerStep = _training.ViewsPerStep(parsed);
        var mlContext = Terminal.NewContext(parsed, options.Seed);
        var experiment = mlContext.MulticlassClassification.CreateSlaExperiment(new SlaExperiment.Options { Trainer = options, Folder = folder })
            .SetTrainingTimeInSeconds(_maxSeconds.Of(parsed) ?? 600)
            .SetMetric(_metric.Of(parsed), options.Inference, _maxMilliseconds.Of(parsed) is { } ms ? TimeSpan.FromMilliseconds(ms) : null)
            .SetSearchSpace(space);
        SetDataset(parsed, experiment, Rows(images), validation is null ? null : Rows(validation));
        if (_maxTrials.Of(parsed) is { } trials)
            experiment.SetMaxModelToExplore(trials);

        using var interruption = new Interruption();
        using var found = Search(images, experiment, folder, observers.Add, interruption.Token);
        Save(mlContext, found.Model, path, folder);
        if (found.IsComplete && hasOwnFolder)
            new OwnFolder(folder).Delete();
        Show(parsed, path, found, folder);
        if (report is not null && found.IsComplete)
            WriteReport(mlContext, found, path, report, images, validation, rows, interruption.Token);
        else if (report is not null)
            Terminal.Note($"'{report}' was not written. The report is made when the search is complete.");
        return found.IsComplete ? ExitCode.Done : ExitCode.Cancelled;

        IDataView Rows(ImageSet set) => Pipeline.LoadLabelled(mlContext, set, images.Classes, Pipeline.ImageColumn, largestSide);
    }

    /// <summary>The search space with what --fix fixes, except the backbone; the backbone that --fix names; and whether it names the network.</summary>
    private (SlaSearchSpace Space, string? Backbone, bool IsNetworkFixed) SearchSpace(ParseResult parsed)
    {
        var space = new SlaSearchSpace();
        string? backbone = null;
        bool isNetworkFixed = false;
        foreach (string pair in parsed.GetValue(_fix) ?? [])
        {
            if (pair.Split('=', 2) is not [var name, var value])
                throw new InputException($"'{pair}' cannot be used for --fix. Give a name and a value, such as --fix Transformations=rotation.");
            if (name.Equals(BackboneOptions.Dimension, StringComparison.OrdinalIgnoreCase))
                backbone = value;
            else
                Fix(space, name, value);
            isNetworkFixed |= name.Equals("Architecture", StringComparison.OrdinalIgnoreCase);
        }

        return (space, backbone, isNetworkFixed);
    }

    private static void Fix(SlaSearchSpace space, string name, string value)
    {
        try
        {
            space.Fix(name, value);
        }
        catch (ArgumentException exception)
        {
            // The names of dimensions are those of --fix, and of the library.
            throw new InputException(Failure.LineOf(exception), exception);
        }
    }

    private void SetDataset(ParseResult parsed, SlaExperiment experiment, IDataView rows, IDataView? validation)
    {
        bool isHeldOut = parsed.GetValue(_holdOut);
        switch (validation, _validationFraction.Of(parsed), _folds.Of(parsed))
        {
            case (_, _, { }) when isHeldOut:
                throw new InputException("--hold-out needs validation images, and --folds has none. Leave out --hold-out, or give --validation-fraction in place of --folds.");
            case ({ }, null, null):
                experiment.SetDataset(rows, validation);
                break;
            case (null, null, { } folds):
                experiment.SetDataset(rows, folds);
                break;
            case (null, var fraction, null):
                experiment.SetDataset(rows, fraction ?? 0.2f, isHeldOut || parsed.GetValue(_report) is not null);
                break;
            default:
                throw new InputException("The images to compare trials on are given twice. Give one of --validation, --validation-fraction and --folds.");
        }
    }

    private static SlaExperimentResult Search(ImageSet images, SlaExperiment experiment, string folder, Action<Leaderboard> observe, CancellationToken cancellationToken)
    {
        try
        {
            return images.Using(() => Leaderboard.Show(board =>
            {
                observe(board);
                return experiment.SetMonitor(board).RunAsync(cancellationToken).GetAwaiter().GetResult();
            }));
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException("Stopped before the first step. No model was written.", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new InputException(Failure.MessageOf(exception), exception);
        }
        finally
        {
            // A folder without a record is of no use to --resume.
            if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, "search.json")))
                new OwnFolder(folder).Delete();
        }
    }

    private static void CheckFolder(string folder, bool isResumed)
    {
        bool isThere = File.Exists(Path.Combine(folder, "search.json"));
        if (isThere && !isResumed)
            throw new InputException($"'{folder}' has the record of a search. Add --resume to continue it, or delete the folder to start over.");
        if (!isThere && isResumed)
            throw new InputException($"There is no search in '{folder}'. Leave out --resume to start one.");
        if (!isThere && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new InputException($"'{folder}' has other files in it. Give another folder with --folder.");
    }

    private static void Save(MLContext mlContext, SlaTransformer model, string path, string folder)
    {
        try
        {
            OutputFile.Write(path, stream => Pipeline.Save(mlContext, model, stream));
        }
        catch (IOException exception)
        {
            throw new TrainingFailedException($"{exception.Message} The search is kept in '{folder}'. To write the model, run the same command with --resume --folder {ShellCommand.Quoted(folder)} and another --model.", exception);
        }
    }

    private static void WriteReport(
        MLContext mlContext, SlaExperimentResult found, string path, string report, ImageSet images, ImageSet? validation, ValidationRows rows, CancellationToken cancellationToken) =>
        ReportPage.WriteAfter(path, report, () =>
        {
            // On folds, all images were trained on.
            var measured = found.Model.TrainingHistory.ValidationImages == 0 ? null : (validation ?? images).Take(rows.Positions);
            var scored = measured is null ? null : ScoredImages.Of(mlContext, found.Model, measured);
            var run = ReportedRun.Of(found.Options, images, validation, found.Elapsed, rows.ImagesPerSecond);
            return ModelReport.Of(mlContext, found.Model, path, measured, scored, run, found, cancellationToken);
        });

    private void Show(ParseResult parsed, string path, SlaExperimentResult found, string folder)
    {
        var last = found.Best.Last;
        if (parsed.GetValue(_json))
        {
            Terminal.WriteJson(new
            {
                Model = path,
                found.IsComplete,
                Trial = found.Best.Number,
                found.Best.Configuration,
                last?.Accuracy,
                last?.MacroAccuracy,
                last?.LogLoss,
                MeasuredAfterSteps = last?.Steps,
                found.Best.Steps,
                Architecture = found.Model.Architecture.Name,
                Objective = found.Model.Objective.ToString(),
                Transformations = found.Model.Transformations.Name,
                Inference = found.Model.Inference.ToString(),
                found.Best.Epochs,
                found.Best.Seed,
                Seconds = Math.Round(found.Elapsed.TotalSeconds, 1),
                found.Trials,
            });
            return;
        }

        string accuracy = last is null ? "" : string.Create(CultureInfo.InvariantCulture, $", accuracy {last.Accuracy:P1} on validation images{When(last, found.Best)}");
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {found.Best}, the best of {found.Trials.Count} in {found.Elapsed:hh\\:mm\\:ss}{accuracy}."));
        if (!found.IsComplete)
            Terminal.Note($"The search was stopped. The model is the best so far. To continue, run the same command with --resume{(parsed.GetValue(_folder) is null ? "" : $" --folder {ShellCommand.Quoted(folder)}")}.");
    }

    /// <summary>At which step a trial was measured, if not at its end.</summary>
    private static string When(SlaTrialInterval measured, SlaTrial trial) =>
        measured.Steps >= trial.Steps ? "" : string.Create(CultureInfo.InvariantCulture, $" after {measured.Steps} of {trial.Steps} steps");

    /// <summary>Where the validation images are among those given.</summary>
    private sealed class ValidationRows : ITrainingObserver
    {
        public IReadOnlyList<long> Positions { get; private set; } = [];

        public double ImagesPerSecond { get; private set; }

        public void OnStart(TrainingStarted plan) => Positions = plan.ValidationRows;

        public void OnProgress(TrainingProgress metrics) => ImagesPerSecond = metrics.ImagesPerSecond;

        public void OnEpochEnd(TrainingProgress metrics) => OnProgress(metrics);
    }
}
