namespace Microsoft.ML.Sla;

/// <summary>
/// Follows an <see cref="SlaExperiment"/> while it runs. Each method has an empty default, so implement what you need. The experiment calls all
/// methods on the training thread and waits for them to return.
/// </summary>
public interface ISlaExperimentMonitor
{
    /// <summary>Called before a trial begins or continues.</summary>
    /// <param name="trial">The trial.</param>
    void ReportRunningTrial(SlaTrial trial)
    {
    }

    /// <summary>
    /// Called after an interval of a trial; <see cref="SlaTrial.Last"/> is that interval. A resumed search also reports the recorded intervals.
    /// </summary>
    /// <param name="trial">The trial.</param>
    void ReportCompletedTrial(SlaTrial trial)
    {
    }

    /// <summary>Called after <see cref="ReportCompletedTrial"/>, if another trial is now the best or the best trial has a new interval.</summary>
    /// <param name="trial">The trial.</param>
    void ReportBestTrial(SlaTrial trial)
    {
    }

    /// <summary>Called when a trial failed. The search continues without it.</summary>
    /// <param name="trial">The trial, with its <see cref="SlaTrial.Failure"/>.</param>
    void ReportFailTrial(SlaTrial trial)
    {
    }
}
