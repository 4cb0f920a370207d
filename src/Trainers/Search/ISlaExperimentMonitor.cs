namespace Microsoft.ML.Sla;

/// <summary>
/// Follows an <see cref="SlaExperiment"/> while it runs. Each method has an empty default, so implement what you need. All are called on the thread that
/// trains, which waits for them.
/// </summary>
public interface ISlaExperimentMonitor
{
    /// <summary>Before a trial begins or goes on.</summary>
    /// <param name="trial">The trial.</param>
    void ReportRunningTrial(SlaTrial trial)
    {
    }

    /// <summary>After an interval of a trial, which is its last one now. A resumed search reports the intervals of its record too.</summary>
    /// <param name="trial">The trial.</param>
    void ReportCompletedTrial(SlaTrial trial)
    {
    }

    /// <summary>After that, where the best trial is another one or has a new interval.</summary>
    /// <param name="trial">The trial.</param>
    void ReportBestTrial(SlaTrial trial)
    {
    }

    /// <summary>When a trial broke. The search goes on without it.</summary>
    /// <param name="trial">The trial, with its <see cref="SlaTrial.Failure"/>.</param>
    void ReportFailTrial(SlaTrial trial)
    {
    }
}
