using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Data;

namespace Microsoft.ML.Sla;

/// <summary>
/// An <see cref="SlaPredictor"/> as a service of a program: a singleton that any number of threads may share. It loads the model again when the
/// file changes. Register it with <see cref="SlaPredictorServiceCollectionExtensions.AddSlaPredictor(IServiceCollection, string)"/>.
/// </summary>
/// <remarks>
/// A call that has begun ends with the model that it began with, and a later one gets the new model: no call fails because of a change. A file
/// that cannot be loaded leaves the model in service. The error is logged, the health check is degraded, and the file is tried again. The meter and
/// the activity source are both named <c>Microsoft.ML.Sla</c>.
/// </remarks>
public sealed class SlaPredictorService : IDisposable
{
    private readonly Instruments _instruments;
    private readonly KeyValuePair<string, object?> _modelTag;

    internal SlaPredictorService(ReloadingModel model, Instruments instruments, KeyValuePair<string, object?> modelTag) =>
        (Model, _instruments, _modelTag) = (model, instruments, modelTag);

    private delegate SlaPrediction PredictBytes(SlaPredictor predictor, ReadOnlySpan<byte> bytes, ImageShape shape);

    /// <summary>The N class names of the model in service, in the order of the probabilities.</summary>
    public IReadOnlyList<string> ClassNames => Model.Current.Predictor.ClassNames;

    /// <summary>The M views of the model in service, in the order of <see cref="SlaPrediction.ViewScores"/>.</summary>
    public TransformationSet Transformations => Model.Current.Predictor.Transformations;

    /// <summary>The shape that the model in service brings images to.</summary>
    public ImageShape ImageShape => Model.Current.Predictor.ImageShape;

    /// <summary>The full path of the model in service.</summary>
    public string ModelPath => Model.Current.Version.Path;

    /// <summary>When the model in service was loaded.</summary>
    public DateTimeOffset LoadedAt => Model.Current.LoadedAt;

    /// <summary>Chooses the lowest confidence for a wanted error rate, with the model in service: see <see cref="SlaPredictor.ThresholdFor"/>.</summary>
    /// <param name="errorRate">The wanted share of wrong predictions among those that are accepted, above 0 and below 1, such as 0.05.</param>
    /// <returns>The threshold on <see cref="SlaPrediction.Confidence"/>. Ask for it again after a reload: it belongs to the model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The model cannot show the rate; the message says which it can.</exception>
    /// <exception cref="InvalidOperationException">The model has no threshold.</exception>
    public ConfidenceThreshold ThresholdFor(double errorRate) => Model.Current.Predictor.ThresholdFor(errorRate);

    /// <summary>The model in service, and why it is not that of the file.</summary>
    internal ReloadingModel Model { get; }

    /// <summary>Scores an image file: see <see cref="SlaPredictor.Predict(string)"/>.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public SlaPrediction Predict(string path) => Predict(path, static (predictor, path) => predictor.Predict(path), nameof(path));

    /// <summary>Scores the bytes of an image file: see <see cref="SlaPredictor.Predict(ReadOnlySpan{byte})"/>.</summary>
    /// <param name="file">The bytes, for example of an upload.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a usable image; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public SlaPrediction Predict(ReadOnlySpan<byte> file) => Predict(file, default, static (predictor, file, _) => predictor.Predict(file));

    /// <summary>Scores an image file from a stream: see <see cref="SlaPredictor.Predict(Stream)"/>.</summary>
    /// <param name="stream">The stream. The caller keeps ownership.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public SlaPrediction Predict(Stream stream) => Predict(stream, static (predictor, stream) => predictor.Predict(stream), nameof(stream));

    /// <summary>Reads an image file without blocking a thread, and scores it: see <see cref="SlaPredictor.PredictAsync(string, CancellationToken)"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public Task<SlaPrediction> PredictAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        return PredictAsync(path, static (predictor, path, token) => predictor.PredictAsync(path, token), cancellationToken);
    }

    /// <summary>Reads an image file from a stream without blocking a thread, and scores it: see <see cref="SlaPredictor.PredictAsync(Stream, CancellationToken)"/>.</summary>
    /// <param name="stream">The stream, for example of an upload. The caller keeps ownership.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public Task<SlaPrediction> PredictAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return PredictAsync(stream, static (predictor, stream, token) => predictor.PredictAsync(stream, token), cancellationToken);
    }

    /// <summary>Scores an image in memory: see <see cref="SlaPredictor.Predict(MLImage)"/>.</summary>
    /// <param name="image">The image, of any size. The caller keeps ownership.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="InvalidDataException">The image has a pixel format that is not supported.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public SlaPrediction Predict(MLImage image) => Predict(image, static (predictor, image) => predictor.Predict(image), nameof(image));

    /// <summary>Scores pixels in memory: see <see cref="SlaPredictor.Predict(ReadOnlySpan{byte}, ImageShape)"/>.</summary>
    /// <param name="pixels">C x H x W bytes, 0 to 255: a plane for each channel, red first, or one plane of grey.</param>
    /// <param name="shape">The shape of the pixels: 1 or 3 channels, of any size.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="ArgumentException">The number of pixels is not that of the shape, or the shape has another number of channels.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public SlaPrediction Predict(ReadOnlySpan<byte> pixels, ImageShape shape) => Predict(pixels, shape, static (predictor, pixels, shape) => predictor.Predict(pixels, shape));

    /// <summary>
    /// Scores image files on all processors with one model, also beside files that cannot be used: see
    /// <see cref="SlaPredictor.PredictAll(IReadOnlyList{string}, CancellationToken)"/>.
    /// </summary>
    /// <param name="paths">The files.</param>
    /// <param name="cancellationToken">Stops before the next file.</param>
    /// <returns>A prediction or an error for each file, in the order of the files.</returns>
    /// <exception cref="ArgumentException">A path is null.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public IReadOnlyList<SlaPredictionResult> PredictAll(IReadOnlyList<string> paths, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return PredictAll(paths, static (predictor, paths, token) => predictor.PredictAll(paths, token), cancellationToken);
    }

    /// <summary>
    /// Scores the bytes of image files on all processors with one model, also beside bytes that cannot be used: see
    /// <see cref="SlaPredictor.PredictAll(IReadOnlyList{ReadOnlyMemory{byte}}, CancellationToken)"/>.
    /// </summary>
    /// <param name="files">The bytes of each file.</param>
    /// <param name="cancellationToken">Stops before the next file.</param>
    /// <returns>A prediction or an error for each file, in the order of the files.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The service is disposed.</exception>
    public IReadOnlyList<SlaPredictionResult> PredictAll(IReadOnlyList<ReadOnlyMemory<byte>> files, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return PredictAll(files, static (predictor, files, token) => predictor.PredictAll(files, token), cancellationToken);
    }

    /// <summary>
    /// Ends the reloading, and closes the model once the calls that have begun are done. The container of the services does this; a program that
    /// resolves the service does not.
    /// </summary>
    public void Dispose() => Model.Dispose();

    private PredictorCall Begin(int images) => new(Model, _instruments, _modelTag, images);

    private SlaPrediction Predict<T>(T input, Func<SlaPredictor, T, SlaPrediction> predict, string name)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(input, name);
        using var call = Begin(images: 1);
        try
        {
            return call.Counted(predict(call.Predictor, input));
        }
        catch (Exception exception) when (call.Failed(exception))
        {
            throw;
        }
    }

    private SlaPrediction Predict(ReadOnlySpan<byte> bytes, ImageShape shape, PredictBytes predict)
    {
        using var call = Begin(images: 1);
        try
        {
            return call.Counted(predict(call.Predictor, bytes, shape));
        }
        catch (Exception exception) when (call.Failed(exception))
        {
            throw;
        }
    }

    private async Task<SlaPrediction> PredictAsync<T>(T input, Func<SlaPredictor, T, CancellationToken, Task<SlaPrediction>> predict, CancellationToken cancellationToken)
    {
        using var call = Begin(images: 1);
        try
        {
            return call.Counted(await predict(call.Predictor, input, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception exception) when (call.Failed(exception))
        {
            throw;
        }
    }

    private IReadOnlyList<SlaPredictionResult> PredictAll<T>(
        IReadOnlyList<T> inputs, Func<SlaPredictor, IReadOnlyList<T>, CancellationToken, IReadOnlyList<SlaPredictionResult>> predict, CancellationToken cancellationToken)
    {
        using var call = Begin(inputs.Count);
        try
        {
            return call.Counted(predict(call.Predictor, inputs, cancellationToken));
        }
        catch (Exception exception) when (call.Failed(exception))
        {
            throw;
        }
    }
}
