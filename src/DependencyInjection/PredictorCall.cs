using System.Diagnostics;
using Microsoft.ML.Sla.Chains;

namespace Microsoft.ML.Sla;

/// <summary>A call of a predictor: it keeps the model until its end, and is measured and traced where somebody listens.</summary>
internal readonly struct PredictorCall : IDisposable
{
    private const string ErrorTag = "error.type";

    private readonly Lifetime.Use _use;
    private readonly Instruments _instruments;
    private readonly KeyValuePair<string, object?> _model;
    private readonly int _images;
    private readonly long _start;
    private readonly Activity? _activity;

    /// <param name="model">The model.</param>
    /// <param name="instruments">The metrics.</param>
    /// <param name="modelTag">The tag that names the model.</param>
    /// <param name="images">The number of images.</param>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public PredictorCall(ReloadingModel model, Instruments instruments, KeyValuePair<string, object?> modelTag, int images)
    {
        (_instruments, _model, _images) = (instruments, modelTag, images);
        _use = model.Enter(out var predictor);
        Predictor = predictor;
        _start = instruments.Duration.Enabled ? Stopwatch.GetTimestamp() : 0;
        _activity = Instruments.Source.StartActivity("sla.predict");
        if (_activity is { IsAllDataRequested: true })
            _activity.SetTag(modelTag.Key, modelTag.Value).SetTag("sla.batch.size", images);
    }

    /// <summary>The predictor of this call.</summary>
    public SlaPredictor Predictor { get; }

    /// <summary>Counts a prediction.</summary>
    public SlaPrediction Counted(SlaPrediction prediction)
    {
        RecordDuration([_model]);
        _instruments.Predictions.Add(1, _model);
        return prediction;
    }

    /// <summary>Counts what came of a batch.</summary>
    public IReadOnlyList<SlaPredictionResult> Counted(IReadOnlyList<SlaPredictionResult> results)
    {
        RecordDuration([_model]);
        _instruments.BatchSize.Record(results.Count, _model);
        if (_instruments.Predictions.Enabled || _instruments.Errors.Enabled)
        {
            foreach (var kind in results.GroupBy(result => result.Error?.GetType()))
                Count(kind.Key, kind.Count());
        }

        return results;
    }

    /// <summary>Counts a call that failed.</summary>
    /// <returns>False, so that a filter of exceptions can call it and not catch.</returns>
    public bool Failed(Exception exception)
    {
        var error = exception.GetType();
        RecordDuration([_model, Tag(error)]);
        Count(error, _images);
        _activity?.SetTag(ErrorTag, error.FullName).SetStatus(ActivityStatusCode.Error, exception.Message);
        return false;
    }

    public void Dispose()
    {
        _activity?.Dispose();
        _use.Dispose();
    }

    private void Count(Type? error, int images)
    {
        if (error is null)
            _instruments.Predictions.Add(images, _model);
        else
            _instruments.Errors.Add(images, _model, Tag(error));
    }

    private void RecordDuration(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_start != 0)
            _instruments.Duration.Record(Stopwatch.GetElapsedTime(_start).TotalSeconds, tags);
    }

    private static KeyValuePair<string, object?> Tag(Type error) => new(ErrorTag, error.FullName);
}
