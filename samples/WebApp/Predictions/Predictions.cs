using Microsoft.Extensions.Options;
using Microsoft.ML.Sla;

namespace WebApp;

/// <summary>Scores images, as many at a time as there are processors: more would only wait for each other with their images in memory.</summary>
internal sealed class Predictions(IOptions<WebAppOptions> options, ModelState state, IServiceProvider services) : IDisposable
{
    /// <summary>Key of the predictor that says what it sees in each view.</summary>
    public const string WithViews = "views";

    private readonly SemaphoreSlim _free = new(options.Value.Predictions ?? Environment.ProcessorCount);
    private volatile ModelThreshold? _threshold;

    /// <exception cref="ProblemException">There is no model, or the image is not usable.</exception>
    public async Task<Prediction> PredictAsync(byte[] image, int top, bool withViews, CancellationToken cancelled)
    {
        var predictor = Predictor();
        var viewing = withViews ? PredictorWithViews() : null;
        var prediction = await RunAsync(() => (viewing ?? predictor).Predict(image), cancelled);
        return Prediction.Of(prediction, Threshold(predictor), top, viewing?.Transformations);
    }

    /// <returns>A prediction or a problem for each image.</returns>
    /// <exception cref="ProblemException">There is no model.</exception>
    public async Task<IReadOnlyList<BatchItem>> PredictAllAsync(IReadOnlyList<byte[]> images, int top, CancellationToken cancelled)
    {
        var predictor = Predictor();
        var threshold = Threshold(predictor);
        var items = new List<BatchItem>(images.Count);
        foreach (byte[] image in images)
        {
            try
            {
                var prediction = await RunAsync(() => predictor.Predict(image), cancelled);
                items.Add(new BatchItem(Prediction.Of(prediction, threshold, top, views: null), Problem: null));
            }
            catch (ProblemException problem)
            {
                items.Add(new BatchItem(Prediction: null, problem.Details));
            }
        }

        return items;
    }

    /// <summary>Runs what takes a processor when one is free.</summary>
    /// <param name="work">What is done with an image.</param>
    /// <param name="cancelled">Ends the wait.</param>
    /// <param name="number">Which of several images it is, such as "2 of 5"; null for the only one.</param>
    /// <exception cref="ProblemException">The image is not usable.</exception>
    public async Task<T> RunAsync<T>(Func<T> work, CancellationToken cancelled, string? number = null)
    {
        await _free.WaitAsync(cancelled);
        try
        {
            return work();
        }
        catch (InvalidDataException exception)
        {
            throw Problem.UnusableImage(exception, number);
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();

    private SlaPredictorService Predictor()
    {
        state.Check();
        return services.GetRequiredService<SlaPredictorService>();
    }

    /// <summary>Null where the model cannot say what each view is: it computes in 8 bits.</summary>
    private SlaPredictorService? PredictorWithViews()
    {
        try
        {
            return services.GetRequiredKeyedService<SlaPredictorService>(WithViews);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The confidence below which a prediction is rejected, which belongs to the model; null where the model has none for the error rate.</summary>
    private float? Threshold(SlaPredictorService predictor)
    {
        if (options.Value.ErrorRate is not { } rate)
            return null;

        var loadedAt = predictor.LoadedAt;
        if (_threshold is { } known && known.LoadedAt == loadedAt)
            return known.Confidence;
        float? confidence;
        try
        {
            confidence = predictor.ThresholdFor(rate).Confidence;
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentOutOfRangeException)
        {
            confidence = null;
        }

        _threshold = new(loadedAt, confidence);
        return confidence;
    }

    private sealed record ModelThreshold(DateTimeOffset LoadedAt, float? Confidence);
}
