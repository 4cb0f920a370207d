using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>Finishes the winner's training. If it fails, the next best trial becomes the winner.</summary>
/// <param name="trials">The trials.</param>
/// <param name="planner">Plans the end of a training.</param>
/// <param name="runner">Trains.</param>
/// <param name="log">The log and the monitor.</param>
/// <param name="clock">The time of the search.</param>
internal sealed class FinalTraining(TrialBook trials, SearchPlanner planner, TrialRunner runner, TrialLog log, SearchClock clock)
{
    /// <summary>Finishes the winner's training.</summary>
    /// <exception cref="InvalidOperationException">All trials failed.</exception>
    public SlaExperimentResult Run()
    {
        foreach (var trial in trials.Leaders)
        {
            if (trials.RecordOf(trial.Number, planner.Rungs) is { Failure: { } failure })
                trials.Break(trial, failure);
        }

        foreach (var trial in Finalists().ToList())
        {
            if (TrainedToTheEnd(trial) is not { } result)
                continue;
            foreach (var other in trials.All.Where(other => other != trial && other.IsAlive))
                trials.DeleteCheckpoints(other);
            return result;
        }

        var first = trials.All.First(trial => trial.PublicTrial.Failure is not null);
        throw new InvalidOperationException($"All {trials.All.Count} trials failed. The first failure: {first.PublicTrial.Failure}");
    }

    /// <summary>The best trial with a model when the search is cancelled; null if no trial has made a step.</summary>
    public Candidate? BestTrained() => Finalists().FirstOrDefault(runner.HasModel);

    /// <summary>The result of a cancelled search: the model of a trial so far.</summary>
    public SlaExperimentResult Unfinished(Candidate trial)
    {
        // The checkpoint of the last training is better only once it has more steps than that of the trial.
        bool isFarther = runner.FinalStepsDone(trial.Plan!) > (trial.PublicTrial.Last?.Steps ?? 0);
        var end = isFarther ? planner.EndOf(trial) : null;
        trial.ShowLength(end);
        return Result(trial, runner.Load(trial.Plan!, trial.Configuration, end, isScored: false).Model, isComplete: false);
    }

    /// <summary>The leaders in the order in which they may become the winner: first a last training already begun, then trials with a model.</summary>
    private IEnumerable<Candidate> Finalists() => trials.Leaders
        .OrderByDescending(trial => trial.Number == planner.Plan.Final?.Trial)
        .ThenByDescending(runner.HasModel);

    /// <returns>The result; null if the training failed.</returns>
    private SlaExperimentResult? TrainedToTheEnd(Candidate trial)
    {
        var record = trials.RecordOf(trial.Number, planner.Rungs);
        if (!trials.TryOrBreak(trial, planner.Rungs, () => planner.EndOf(trial) ?? planner.PlanEnd(trial), out var end))
            return null;

        trial.ShowLength(end);
        if (record is null)
            log.Running(trial);
        double began = clock.Elapsed;
        if (!trials.TryOrBreak(trial, planner.Rungs, Train, out var trained))
            return null;

        if (record is not null)
            trials.TakeUp(trial, record);
        else if (trained.Scores is not null)
            trials.Complete(trial, planner.Rungs, trained.Steps, [trained.Scores], began);
        else
            trials.CompleteUnmeasured(trial, planner.Rungs);
        return Result(trial, trained.Model, isComplete: true);

        (SlaTransformer Model, long Steps, RowScores? Scores) Train()
        {
            if (record is null && runner.HasSteps(trial.Configuration))
                TrainInTime(trial, end);
            return runner.Load(trial.Plan!, trial.Configuration, end, isScored: record is null, clock.Cancellation);
        }
    }

    /// <summary>Trains to the end or until the time is over, but makes at least one step.</summary>
    private void TrainInTime(Candidate trial, PlannedEnd end)
    {
        bool isDone = clock.IsDoneBefore(planner.SearchEnd, deadline =>
        {
            deadline.ThrowIfCancellationRequested();
            runner.Finish(trial.Plan!, trial.Configuration, end, deadline);
        });
        if (isDone)
            return;

        bool isBegun = runner.FinalStepsDone(trial.Plan!) > 0;
        if (isBegun || end.Tail is not null)
            log.LastTrainingTookTooLong();
        else
            log.NoTimeForAStep();
        if (!isBegun)
            runner.Finish(trial.Plan!, trial.Configuration, end, clock.Cancellation, mostSteps: 1);
    }

    private SlaExperimentResult Result(Candidate trial, SlaTransformer model, bool isComplete) => new()
    {
        Model = model,
        Best = trial.PublicTrial,
        Trials = [.. trials.All.Select(other => other.PublicTrial)],
        Options = runner.Options(trial.Configuration, trial.PublicTrial.Epochs, trial.Plan!.Steps),
        IsComplete = isComplete,
        Elapsed = TimeSpan.FromSeconds(clock.Elapsed),
    };
}
