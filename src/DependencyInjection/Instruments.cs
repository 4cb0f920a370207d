using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Microsoft.ML.Sla;

/// <summary>The metrics and traces of all predictors of a program.</summary>
internal sealed class Instruments : IDisposable
{
    private const string Name = "Microsoft.ML.Sla";

    private readonly Meter _meter;

    /// <param name="factory">The factory of the program's meters; null if it has none.</param>
    public Instruments(IMeterFactory? factory)
    {
        _meter = factory?.Create(Name) ?? new Meter(Name);
        Duration = _meter.CreateHistogram(
            "sla.prediction.duration", "s", "Duration of the calls of a predictor.", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] });
        BatchSize = _meter.CreateHistogram(
            "sla.prediction.batch.size", "{image}", "Number of images in a call of PredictAll.", tags: null,
            new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] });
        Predictions = _meter.CreateCounter<long>("sla.predictions", "{image}", "Number of images that were predicted.");
        Errors = _meter.CreateCounter<long>("sla.prediction.errors", "{image}", "Number of images without a prediction, by the type of the error.");
        Reloads = _meter.CreateCounter<long>("sla.model.reloads", "{reload}", "Number of reloads of changed models, by their outcome.");
    }

    /// <summary>The source of a span for each call.</summary>
    public static ActivitySource Source { get; } = new(Name);

    public Histogram<double> Duration { get; }

    public Histogram<int> BatchSize { get; }

    public Counter<long> Predictions { get; }

    public Counter<long> Errors { get; }

    public Counter<long> Reloads { get; }

    /// <summary>A meter of a factory stays the factory's.</summary>
    public void Dispose() => _meter.Dispose();
}
