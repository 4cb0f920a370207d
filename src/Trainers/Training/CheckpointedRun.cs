using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;

namespace Microsoft.ML.Sla.Training;

/// <summary>Runs a training loop with checkpoints, observers and log.</summary>
/// <param name="host">The trainer's host.</param>
/// <param name="options">The trainer's options.</param>
/// <param name="channel">The log.</param>
/// <param name="loop">The loop.</param>
/// <param name="identity">Identifies the run.</param>
internal sealed class CheckpointedRun(TrainerHost host, ImageTrainerOptions options, IChannel channel, TrainingLoop loop, RunIdentity identity)
{
    /// <summary>Whether a training with these options goes on from a checkpoint.</summary>
    public static bool Continues(ImageTrainerOptions options) => options is { Resume: true, CheckpointFolder: { } folder } && new CheckpointFile(folder).Exists;

    /// <summary>Runs the loop to its end or to a step. It resumes from a checkpoint if the options ask for it and there is one.</summary>
    /// <param name="plan">What observers receive before the first step. This method fills in the step and the checkpoint.</param>
    /// <param name="unreadable">Number of rows left out because their image cannot be read.</param>
    /// <param name="validate">Measures the network on the validation rows; null without validation rows.</param>
    /// <param name="end">The step to stop after, counted from the beginning of the run; null for the last.</param>
    /// <returns>The history of the run.</returns>
    /// <exception cref="InvalidOperationException">
    /// The loss became infinite or NaN, memory runs out, or the checkpoint is of another run.
    /// </exception>
    public TrainingHistory Run(TrainingStarted plan, int unreadable, Func<EpochValidation>? validate, long? end = null) =>
        host.Compute(() => RunTo(plan, unreadable, validate, end));

    private TrainingHistory RunTo(TrainingStarted plan, int unreadable, Func<EpochValidation>? validate, long? end)
    {
        string folder = options.CheckpointFolder ?? TemporaryFolder.Create();
        var checkpoint = new CheckpointFile(folder);
        bool isFinished = Timed(() => TakeUp(checkpoint));
        options.Notify(observer => observer.OnStart(plan with { FirstStep = loop.StepsDone, CheckpointPath = checkpoint.Path }));
        if (!isFinished)
            Run(checkpoint, validate, end ?? loop.Steps);

        if (options.CheckpointFolder is null)
            DeleteTemporary(checkpoint);

        var history = new TrainingHistory
        {
            Seed = host.Seed,
            Images = plan.Images,
            ValidationImages = plan.ValidationImages,
            UnreadableImages = unreadable,
            Epochs = loop.Epochs,
            BestEpoch = loop.BestEpoch,
            StoppedEarly = loop.StoppedEarly,
        };
        options.Notify(observer => observer.OnEnd(history));
        return history;
    }

    private void Run(CheckpointFile checkpoint, Func<EpochValidation>? validate, long end)
    {
        try
        {
            loop.Run(
                end,
                validate,
                Report,
                () =>
                {
                    if (loop.StepsDone % options.CheckpointSteps == 0)
                        Save(checkpoint, isFinished: false);
                },
                host.CheckCancellation);
            Save(checkpoint, isFinished: end == loop.Steps);
        }
        catch (OperationCanceledException exception)
        {
            SaveWhatIsGood(checkpoint);
            throw new OperationCanceledException(
                $"The training was cancelled after {loop.Position}. {HowToResume(checkpoint)}", exception, exception.CancellationToken);
        }
        catch (InvalidOperationException exception) when (loop.HasDiverged)
        {
            throw new InvalidOperationException($"{exception.Message} {SetAside(checkpoint)}".TrimEnd(), exception);
        }
        catch
        {
            TrainerHost.Warn(channel, $"The training failed after {loop.Position}. {HowToResume(checkpoint)}");
            throw;
        }
    }

    /// <summary>Sets the checkpoint of a run that diverged aside: with the same options it would diverge again, and with others it is of another run.</summary>
    /// <returns>What was done, in words.</returns>
    private string SetAside(CheckpointFile checkpoint)
    {
        if (options.CheckpointFolder is null)
        {
            DeleteTemporary(checkpoint);
            return "";
        }

        if (!checkpoint.Exists)
            return "";
        try
        {
            return $"The last checkpoint is now '{checkpoint.SetAside()}': the next run with this CheckpointFolder begins anew.";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"Delete the checkpoint '{checkpoint.Path}' before the next run with this CheckpointFolder.";
        }
    }

    /// <summary>Deletes the checkpoint in a temporary folder. Only warns of a failure, which changes nothing of what the run came to.</summary>
    private void DeleteTemporary(CheckpointFile checkpoint)
    {
        try
        {
            checkpoint.Delete();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TrainerHost.Warn(channel, $"The training has ended, and its checkpoint '{checkpoint.Path}' cannot be deleted: {exception.Message}");
        }
    }

    /// <summary>Resumes from a checkpoint if the options ask for it and there is one; otherwise writes the first checkpoint.</summary>
    /// <returns>Whether the resumed run was already finished.</returns>
    private bool TakeUp(CheckpointFile checkpoint)
    {
        if (Continues(options))
            return Resume(checkpoint);

        // Written now, so that a read-only folder is an error before training, not after an hour of it.
        checkpoint.Write(identity, loop.Capture(), isFinished: false);
        return false;
    }

    private bool Resume(CheckpointFile checkpoint)
    {
        var header = checkpoint.ReadHeader();
        string[] differences = [.. identity.Differences(header.Identity)];
        if (differences.Length > 0)
        {
            throw new InvalidOperationException(
                $"'{checkpoint.Path}' is the checkpoint of another run: {string.Join("; ", differences)}. Set the options as they were and give the same "
                + "rows to continue it, or delete it to begin anew, or give another folder as CheckpointFolder.");
        }

        ParsedFile.Read(checkpoint.Path, "a checkpoint of this run", () => loop.Restore(checkpoint.ReadState()));
        TrainerHost.Info(channel, $"training resumes after {loop.Position}, from '{checkpoint.Path}'");
        return header.IsFinished;
    }

    /// <summary>Writes a checkpoint. Only warns of a failure, because a full disk should not stop a run.</summary>
    private void Save(CheckpointFile checkpoint, bool isFinished)
    {
        try
        {
            Timed(() =>
            {
                checkpoint.Write(identity, loop.Capture(), isFinished);
                return true;
            });
            options.Notify(observer => observer.OnCheckpoint(checkpoint.Path, loop.StepsDone));
        }
        catch (IOException exception)
        {
            TrainerHost.Warn(channel, exception.Message);
        }
    }

    /// <summary>Does what takes as long as a checkpoint; the clock of the run, where it has one, measures it.</summary>
    private T Timed<T>(Func<T> function) => loop.Clock is { } clock ? clock.Checkpoint(function) : function();

    /// <summary>Writes a checkpoint. Keeps the last one if the run has diverged since.</summary>
    private void SaveWhatIsGood(CheckpointFile checkpoint)
    {
        try
        {
            Save(checkpoint, isFinished: false);
        }
        catch (InvalidOperationException exception)
        {
            TrainerHost.Warn(channel, exception.Message);
        }
    }

    private string HowToResume(CheckpointFile checkpoint) => checkpoint.Exists
        ? $"The checkpoint is '{checkpoint.Path}': to resume from it, set CheckpointFolder to '{Path.GetDirectoryName(checkpoint.Path)}', "
            + $"Resume to true and Seed to {host.Seed}."
        : $"There is no checkpoint: '{checkpoint.Path}' could not be written, or was deleted.";

    private void Report(TrainingProgress metrics)
    {
        if (metrics.IsEpochEnd)
        {
            TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"epoch {metrics.Epoch}/{metrics.Epochs}: loss {metrics.Loss:F4}, learning rate {metrics.LearningRate:G3}, {metrics.ImagesPerSecond:F0} images/s")
                + (metrics.ValidationAccuracy is { } accuracy
                    ? string.Create(CultureInfo.InvariantCulture, $", validation accuracy {accuracy:F4}, validation loss {metrics.ValidationLoss:F4}")
                    : ""));
        }

        options.Notify(observer => (metrics.IsEpochEnd ? (Action<TrainingProgress>)observer.OnEpochEnd : observer.OnProgress)(metrics));
        options.MetricsCallback?.Invoke(metrics);
    }
}
