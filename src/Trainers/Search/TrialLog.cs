using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla.Search;

/// <summary>Reports the events of a search to the log and the monitor.</summary>
/// <param name="channel">The log.</param>
/// <param name="monitor">The monitor.</param>
internal sealed class TrialLog(IChannel channel, ISlaExperimentMonitor monitor)
{
    private Candidate? _best;

    /// <summary>An exception's message without the lines of torch's stack trace.</summary>
    public static string FirstLine(Exception exception) => exception.Message.Split('\n')[0];

    /// <param name="frozen">The most trials with a frozen backbone.</param>
    /// <param name="ladder">The other trials.</param>
    public void Begins(int frozen, Ladder ladder)
    {
        if (frozen > 0)
            TrainerHost.Info(channel, FormattableString.Invariant($"at most {frozen} trials with a frozen backbone"));
        if (ladder.Trials > 0)
        {
            TrainerHost.Info(channel, FormattableString.Invariant(
                $"{ladder.Trials} trials, compared at {string.Join(", ", ladder.Fractions.Select(fraction => $"{fraction:P1}"))} of their training"));
        }
    }

    public void BackbonesTakeTooLong() =>
        TrainerHost.Warn(channel, "No backbone is tried: the time does not suffice for the passes of all images through it. Give the search more time, or the backbone smaller images.");

    public void CannotBeScored(Configuration configuration, Exception exception) =>
        TrainerHost.Warn(channel, $"{configuration} cannot be scored, and is left out: {FirstLine(exception)}");

    public void Running(Candidate trial) => monitor.ReportRunningTrial(trial.PublicTrial);

    /// <summary>Writes a new result to the log. <see cref="Completed"/> reports it to the monitor, which also receives recorded results.</summary>
    public void Measured(Candidate trial, SlaTrialInterval interval) => TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
        $"{trial.PublicTrial}: accuracy {interval.Accuracy:F4}, macro accuracy {interval.MacroAccuracy:F4}, log-loss {interval.LogLoss:F4} after {interval.Steps} of {trial.PublicTrial.Steps} steps"));

    /// <summary>Reports a trial with a new interval. Also reports the best trial, if that is another trial now or has a new interval.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="best">The best trial so far; null if there is none.</param>
    public void Completed(Candidate trial, Candidate? best)
    {
        monitor.ReportCompletedTrial(trial.PublicTrial);
        if (best is not null && (best != _best || best == trial))
        {
            _best = best;
            monitor.ReportBestTrial(best.PublicTrial);
        }
    }

    public void Broken(Candidate trial)
    {
        TrainerHost.Warn(channel, $"{trial.PublicTrial} failed, and is left out: {trial.PublicTrial.Failure}");
        monitor.ReportFailTrial(trial.PublicTrial);
    }

    /// <param name="unmeasured">The trials that began and were not compared.</param>
    public void TrialsTookTooLong(IEnumerable<Candidate> unmeasured)
    {
        TrainerHost.Warn(channel, "Trials took longer than planned. The search now finishes the training of the best one so far.");
        foreach (var trial in unmeasured)
            TrainerHost.Warn(channel, $"{trial.PublicTrial} was not compared.");
    }

    public void LastTrainingTookTooLong() => TrainerHost.Warn(channel, "The training took longer than planned and ended before its schedule did.");

    public void NoTimeForAStep() =>
        TrainerHost.Warn(channel, "The time is over before the first step. One step is made all the same. The time is too short for these images on this machine.");
}
