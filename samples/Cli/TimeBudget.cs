using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla;

/// <summary>How many epochs fit into a time on this machine, as it is now.</summary>
internal static class TimeBudget
{
    /// <summary>Share of the time that is planned for: validation, checkpoints and a busy machine take the rest.</summary>
    private const double Planned = 0.9;

    private static readonly TimeSpan MeasuringTime = TimeSpan.FromSeconds(5);

    /// <summary>Trains for some seconds, and reckons.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">The options of the training.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="budget">Time in all.</param>
    /// <param name="clock">Runs since the program began.</param>
    public static int Epochs(MLContext mlContext, SlaTrainer.Options options, IDataView rows, TimeSpan budget, Stopwatch clock)
    {
        var (folder, resume, token) = (options.CheckpointFolder, options.Resume, options.CancellationToken);
        var measuring = Directory.CreateTempSubdirectory("sla-speed-");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
        var speed = new Speed(enough, MeasuringTime < budget / 10 ? MeasuringTime : budget / 10);
        try
        {
            options.CheckpointFolder = measuring.FullName;
            options.Resume = false;
            options.CancellationToken = enough.Token;
            options.Observers = [speed];
            Failure.AsInput(() => mlContext.MulticlassClassification.Trainers.Sla(options).Fit(rows)).Dispose();
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
        }
        finally
        {
            (options.CheckpointFolder, options.Resume, options.CancellationToken) = (folder, resume, token);
            measuring.Delete(recursive: true);
        }

        // The images are read again.
        TimeSpan reading = speed.Started;
        double seconds = (Planned * (budget - clock.Elapsed)).TotalSeconds - reading.TotalSeconds;
        double epoch = speed.Images / speed.ImagesPerSecond;
        if (seconds < epoch)
            Terminal.Note($"One epoch takes about {epoch:F0} seconds, and {Math.Max(0, seconds):F0} are left: it takes longer than --max-seconds.");
        return Math.Max(1, (int)(seconds / epoch));
    }

    private sealed class Speed(CancellationTokenSource enough, TimeSpan time) : ITrainingObserver
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();

        public TimeSpan Started { get; private set; }

        public int Images { get; private set; }

        public double ImagesPerSecond { get; private set; }

        public void OnStart(TrainingPlan plan)
        {
            Started = _clock.Elapsed;
            Images = plan.Images;
        }

        public void OnProgress(SlaMetrics metrics)
        {
            ImagesPerSecond = metrics.ImagesPerSecond;
            if (metrics.Elapsed >= time)
                enough.Cancel();
        }

        public void OnEpochEnd(SlaMetrics metrics) => OnProgress(metrics);
    }
}
