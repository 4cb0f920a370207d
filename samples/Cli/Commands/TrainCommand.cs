using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Sla;
using Sla.Report;

namespace Sla.Commands;

/// <summary><c>sla train</c>.</summary>
internal sealed class TrainCommand
{
    /// <summary>The smallest class of which a tenth is kept to validate on by default.</summary>
    private const int FewestToSplit = 10;

    private readonly TrainingOptions _training = new();
    private readonly BackboneOptions _backbone = new();
    private readonly Option<string> _model = new("--model") { Description = "File to write the model to.", HelpName = "OUT.zip", Required = true };
    private readonly Option<string?> _validation = new("--validation") { Description = "Folder of images to validate on after each epoch. It has a folder for each class.", HelpName = "DIR" };
    private readonly ValueOption<float?> _validationFraction = ValueOption.Number("--validation-fraction", "F", "Share of the images to validate on. They are not trained on. Default: 0.1 if each class has 10 images or more, otherwise none.", least: 0f);
    private readonly ValueOption<double?> _maxSeconds = ValueOption.Number("--max-seconds", "S", "Seconds that the command takes. As many epochs are trained as fit.", least: 1.0);
    private readonly Option<string?> _checkpoint = new("--checkpoint") { Description = "Folder of the checkpoint. Default: OUT.zip.checkpoint. The default folder is deleted at the end.", HelpName = "DIR" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Continue from the checkpoint of a stopped run." };
    private readonly Option<string?> _logFolder = new("--log-dir") { Description = "Folder for TensorBoard's event files.", HelpName = "DIR" };
    private readonly Option<string?> _report = SharedOptions.Report();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create()
    {
        var train = new TrainCommand();
        var command = new Command("train", "Train a model on a folder of images.");
        train._training.AddTo(command);
        train._backbone.AddAllTo(command);
        foreach (var option in new Option[] { train._model, train._validation, train._validationFraction, train._maxSeconds, train._checkpoint, train._resume, train._report, train._logFolder, train._json })
            command.Options.Add(option);
        command.SetAction(train.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var clock = Stopwatch.StartNew();
        string path = parsed.GetValue(_model)!;
        using var taken = OutputFile.Take(path);
        string? report = parsed.GetValue(_report);
        if (report is not null)
            OutputFile.Check(report);
        var checkpoint = new OwnFolder(parsed.GetValue(_checkpoint) ?? path + ".checkpoint");
        var roles = Roles(parsed, path, report, checkpoint.Path);
        CheckCheckpoint(checkpoint, parsed.GetValue(_resume));
        var images = _training.ReadImages(parsed, roles);
        var validation = images.OfSameClasses(parsed.GetValue(_validation), _training.SkipsUnreadable(parsed));
        roles.Read($"an image of {_validation.Name}", validation?.Images.Select(image => image.ImagePath) ?? []);

        var options = _training.For(parsed, images);
        options.TrainingTime = TrainingTime(parsed);
        _backbone.Apply(parsed, _training, images, options.TrainingTime is not null, options);
        bool choosesByFolds = options.BackboneTraining != BackboneTraining.Full && report is null;
        options.ValidationSetFraction = validation is null ? ValidationFraction(parsed, images, choosesByFolds) : null;
        bool hasOwnCheckpoint = parsed.GetValue(_checkpoint) is null;
        options.CheckpointFolder = checkpoint.Path;
        options.Resume = parsed.GetValue(_resume);

        var mlContext = Terminal.NewContext(parsed, options.Seed);
        if (options.TrainingTime is { } training && options.BackboneTraining != BackboneTraining.Full)
        {
            FrozenBudget.Fit(mlContext, options, images, isSideGiven: _training.ImageSide(parsed) is not null, () => TimeSpan.FromSeconds(_maxSeconds.Of(parsed)!.Value) - clock.Elapsed);
            options.TrainingTime = TimeBudget.Rest(training, clock.Elapsed);
        }

        var rows = Rows(images);
        options.ValidationSet = validation is null ? null : Rows(validation);
        using var interruption = new Interruption();
        options.CancellationToken = interruption.Token;

        var last = new LastMetrics();
        var log = parsed.GetValue(_logFolder) is { } logFolder ? new TensorBoardLog(logFolder) : null;
        options.MeasureTrainingAccuracy = report is not null || log is not null;
        using var model = Train(parsed, images, mlContext, options, rows, checkpoint, last, log);
        Save(mlContext, model, path, checkpoint);
        if (hasOwnCheckpoint)
            checkpoint.Delete();
        Show(parsed, path, images, model, last.ImagesPerSecond, clock.Elapsed);
        if (report is not null)
        {
            var run = ReportedRun.Of(options, images, validation, clock.Elapsed, last.ImagesPerSecond);
            WriteReport(mlContext, model, path, report, (validation ?? images).Take(last.ValidationRows), run, interruption.Token);
        }

        return ExitCode.Done;

        IDataView Rows(ImageSet set) =>
            Pipeline.LoadLabelled(mlContext, set, images.Classes, Pipeline.ImageColumn, options.ImageWidth!.Value);
    }

    private SlaTransformer Train(ParseResult parsed, ImageSet images, MLContext mlContext, SlaTrainer.Options options, IDataView rows, OwnFolder checkpoint, LastMetrics last, TensorBoardLog? log)
    {
        try
        {
            return images.Using(() => ProgressDisplay.Show(images.ClassCounts(), display =>
            {
                options.Observers = [last, display, .. log is null ? Array.Empty<ITrainingObserver>() : [log]];
                return mlContext.MulticlassClassification.Trainers.Sla(options).Fit(rows);
            }));
        }
        catch (OperationCanceledException exception) when (last.HasStarted)
        {
            throw new OperationCanceledException($"Stopped after step {last.Step}. {HowToResume(parsed)}", exception);
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException("Stopped before the first step. Nothing was written.", exception);
        }
        catch (InvalidOperationException exception) when (Failure.IsDivergence(exception))
        {
            throw new TrainingFailedException($"{Failure.MessageOf(exception)} {HowToBeginAnew(parsed, options.LearningRate)}", exception);
        }
        catch (Exception exception) when (last.HasStarted)
        {
            throw new TrainingFailedException($"{Failure.MessageOf(exception)} {(checkpoint.Kept() is { } kept ? $"{kept} was kept. {HowToResume(parsed)}" : "Nothing was kept.")}", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new InputException(Failure.MessageOf(exception), exception);
        }
        finally
        {
            if (!last.HasStarted)
                FrozenBudget.Forget(options.CheckpointFolder!);
        }
    }

    private static void Save(MLContext mlContext, SlaTransformer model, string path, OwnFolder checkpoint)
    {
        try
        {
            OutputFile.Write(path, stream => Pipeline.Save(mlContext, model, stream));
        }
        catch (IOException exception)
        {
            throw new TrainingFailedException(
                checkpoint.Kept() is { } kept
                    ? $"{exception.Message} The training is complete. {kept} is kept in '{checkpoint.Path}'. To write the model, run the same command with --resume --checkpoint {ShellCommand.Quoted(checkpoint.Path)} and another --model."
                    : $"{exception.Message} The training is lost.",
                exception);
        }
    }

    private static void WriteReport(MLContext mlContext, SlaTransformer model, string path, string report, ImageSet images, ReportedRun run, CancellationToken cancellationToken) =>
        ReportPage.WriteAfter(path, report, () =>
        {
            var scored = images.Images.Count == 0 ? null : ScoredImages.Of(mlContext, model, images);
            return ModelReport.Of(mlContext, model, path, images, scored, run, search: null, cancellationToken);
        });

    private TimeSpan? TrainingTime(ParseResult parsed)
    {
        if (_maxSeconds.Of(parsed) is not { } seconds)
            return null;
        return _training.Epochs(parsed) is null
            ? TimeBudget.OfTraining(TimeSpan.FromSeconds(seconds))
            : throw new InputException("Give one of --epochs and --max-seconds.");
    }

    /// <summary>The share of the images to validate on. A training that measures by folds needs none by default, and learns all images.</summary>
    private float? ValidationFraction(ParseResult parsed, ImageSet images, bool choosesByFolds) =>
        _validationFraction.Of(parsed)
        ?? (!choosesByFolds && images.Images.GroupBy(image => image.Label).All(group => group.Count() >= FewestToSplit) ? 0.1f : null);

    /// <summary>What the command reads and writes, except the images.</summary>
    private FileRoles Roles(ParseResult parsed, string path, string? report, string checkpointFolder)
    {
        var roles = new FileRoles()
            .Write(_model.Name, path)
            .Write(_report.Name, report)
            .Write(_checkpoint.Name, checkpointFolder)
            .Write(_logFolder.Name, parsed.GetValue(_logFolder))
            .Read(_validation.Name, parsed.GetValue(_validation))
            .Read("--backbone", parsed.GetValue<string>("--backbone"));
        _training.AddTo(roles, parsed);
        return roles;
    }

    private void CheckCheckpoint(OwnFolder checkpoint, bool isResumed)
    {
        checkpoint.CheckHasNothingElse(_checkpoint.Name);

        // What a frozen network made of each photo is right for any training on the same photos.
        if (!isResumed && checkpoint.Has(OwnFolder.Checkpoint))
        {
            throw new InputException(
                $"'{checkpoint.Path}' has the checkpoint of an unfinished run. Add --resume to continue it, or delete the folder to start over.");
        }

        if (isResumed && checkpoint.IsEmpty)
            throw new InputException($"There is no checkpoint in '{checkpoint.Path}'. Leave out --resume to start a new run.");
    }

    /// <summary>The command that continues the run: the one that was typed, with --resume.</summary>
    private string HowToResume(ParseResult parsed)
    {
        var words = parsed.Tokens.Select(token => token.Value).ToList();
        if (!words.Contains(_resume.Name))
            words.Add(_resume.Name);
        return $"Continue with: {ShellCommand.Of(["sla", .. words])}";
    }

    /// <summary>The command that was typed, with a lower learning rate and without --resume.</summary>
    private string HowToBeginAnew(ParseResult parsed, double rate)
    {
        const double Factor = 10, Highest = 0.1;
        var words = parsed.Tokens.Select(token => token.Value).Where(word => word != _resume.Name).ToList();
        int place = words.IndexOf(TrainingOptions.LearningRateName);
        if (place >= 0)
            words.RemoveRange(place, 2);
        string lower = Math.Min(rate / Factor, Highest).ToString("G2", CultureInfo.InvariantCulture);
        return $"Begin anew with: {ShellCommand.Of(["sla", .. words, TrainingOptions.LearningRateName, lower])}";
    }

    private void Show(ParseResult parsed, string path, ImageSet images, SlaTransformer model, double imagesPerSecond, TimeSpan time)
    {
        var history = model.TrainingHistory;
        var last = history.Epochs[^1];
        var kept = history.KeptEpoch;
        if (parsed.GetValue(_json))
        {
            Terminal.WriteJson(new
            {
                Model = path,
                history.Images,
                history.ValidationImages,
                UnreadableImages = images.Unreadable + history.UnreadableImages,
                Classes = model.ClassNames.Count,
                Architecture = model.Architecture.Name,
                Objective = model.Objective.ToString(),
                Transformations = model.Transformations.Name,
                Inference = model.Inference.ToString(),
                ImageSize = model.ImageShape.Width,
                model.ImageShape.Channels,
                Epochs = history.Epochs.Count,
                Steps = last.Step,
                history.BestEpoch,
                last.Loss,
                kept.ValidationAccuracy,
                kept.ValidationLoss,
                history.Seed,
                ImagesPerSecond = Math.Round(imagesPerSecond, 1),
                Seconds = Math.Round(time.TotalSeconds, 1),
            });
            return;
        }

        string accuracy = MeasuredAccuracy.Of(history) is { } measured ? $", {measured}" : "";
        Terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {Plural.Of(model.ClassNames.Count, "class")}, {model.Architecture}, {Plural.Of(history.Epochs.Count, "epoch")} in {time:hh\\:mm\\:ss}{accuracy}."));
    }

    /// <summary>How far the run has come, for the message at its end.</summary>
    private sealed class LastMetrics : ITrainingObserver
    {
        public bool HasStarted { get; private set; }

        public long Step { get; private set; }

        public double ImagesPerSecond { get; private set; }

        public IReadOnlyList<long> ValidationRows { get; private set; } = [];

        public void OnStart(TrainingStarted plan)
        {
            HasStarted = true;
            ValidationRows = plan.ValidationRows;
            Step = plan.FirstStep;
        }

        public void OnProgress(TrainingProgress metrics) => (Step, ImagesPerSecond) = (metrics.Step, metrics.ImagesPerSecond);

        public void OnEpochEnd(TrainingProgress metrics) => OnProgress(metrics);

        public void OnCheckpoint(string path, long stepsDone) => Step = stepsDone;
    }
}
