using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>How many epochs fit into a time on this machine.</summary>
internal static class TimeBudget
{
    /// <summary>Share of the time that is planned for: validation, checkpoints and a busy machine take the rest.</summary>
    private const double Planned = 0.9;

    private static readonly TimeSpan MeasuringTime = TimeSpan.FromSeconds(5);

    /// <summary>Measures the speed of training for some seconds, and computes the number of epochs.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">The options of the training.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="budget">Time in all.</param>
    /// <param name="clock">Runs since the program began.</param>
    public static int Epochs(MLContext mlContext, SlaTrainer.Options options, IDataView rows, TimeSpan budget, Stopwatch clock)
    {
        var measured = MeasuringTime < budget / 10 ? MeasuringTime : budget / 10;
        var speed = Failure.AsInput(() => mlContext.MulticlassClassification.Trainers.Sla(options).MeasureSpeed(rows, measured));

        // The images are read again.
        double seconds = ((Planned * (budget - clock.Elapsed)) - speed.Reading).TotalSeconds;
        double epoch = speed.Epoch.TotalSeconds;
        if (seconds < epoch)
            Terminal.Note($"One epoch takes about {epoch:F0} seconds, and only {Math.Max(0, seconds):F0} are left. The training takes longer than --max-seconds.");
        return Math.Max(1, (int)(seconds / epoch));
    }
}
