using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Images;
using Microsoft.ML.Sla.Native;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla;

/// <summary>
/// Scores images one by one with a saved model, without an ML.NET pipeline. A program's first prediction comes several times sooner. For
/// the same pixels, the probabilities equal those of <see cref="ScoringTransformer.Transform"/> bit for bit.
/// </summary>
/// <remarks>
/// The model's feature column must be an image. The predictor computes on the CPU, with one thread for each image. Any number of threads may
/// share one predictor, also while it is disposed: this is the class for a web server. A model of <see cref="SlaTransformer.ToInt8"/> can be scored, but offers no other inference and no view scores.
/// </remarks>
public sealed class SlaPredictor : IDisposable
{
    private static readonly string[] Inputs = [FeatureColumn.PixelColumn];

    private readonly string _source;
    private readonly long _pixelLimit;
    private readonly SavedClassifier _model;
    private readonly string[] _outputs;
    private readonly Lazy<Task<InferenceSession>> _session;
    private readonly Lifetime _lifetime;

    /// <param name="source">The model's file, for error messages.</param>
    /// <param name="pixelLimit">The largest number of pixels that an image may declare.</param>
    /// <param name="model">The model in the file.</param>
    private SlaPredictor(string source, long pixelLimit, SavedClassifier model)
    {
        _source = source;
        _pixelLimit = pixelLimit;
        _model = model;
        var description = model.Description;
        _outputs = [.. new[] { description.ScoreColumn, description.ConfidenceColumn, description.ViewScoresColumn }.OfType<string>()];
        _session = new Lazy<Task<InferenceSession>>(() => Task.Run(NewSession));
        _lifetime = new Lifetime(this, Release);
    }

    /// <summary>How images are scored. See <see cref="WithInference"/>.</summary>
    public SlaInference Inference => _model.Inference;

    /// <summary>The inferences that the training objective defines, the recommended one first.</summary>
    public IReadOnlyList<SlaInference> Inferences => [.. _model.Description.CreateObjective().Inferences.Select(i => i.Inference)];

    /// <summary>What the network was trained to minimise.</summary>
    public SlaObjective Objective => _model.Description.Objective;

    /// <summary>The M transformations that the network was trained with.</summary>
    public TransformationSet Transformations => _model.Description.Transformations;

    /// <summary>Shape of the images that the network sees; images of other sizes are resized.</summary>
    public ImageShape ImageShape => _model.Description.Features.Shape;

    /// <inheritdoc cref="SlaTransformer.Temperature"/>
    public double Temperature => _model.Description.CalibrationOf(Inference)?.Temperature ?? 1;

    /// <summary>The N class names, in the order of the probabilities.</summary>
    public IReadOnlyList<string> ClassNames => _model.Description.Labels.Names;

    /// <summary>Reads a model from a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <param name="path">The saved model: an SLA model by itself or in a pipeline. Only the SLA model is read.</param>
    /// <param name="pixelLimit">
    /// The largest width times height that an image may declare, 1 or more: see <see cref="SlaImagesCatalog.LoadUprightImages"/>. The predictor
    /// refuses larger images before it allocates memory for them. Default 200,000,000.
    /// </param>
    /// <returns>The predictor, with the inference that the model was saved with.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The limit is below 1.</exception>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, or several, or one that scores vectors of pixels.</exception>
    /// <example>
    /// <code language="csharp">
    /// using var predictor = SlaPredictor.Load("model.zip");
    /// var prediction = predictor.Predict("new.jpg");
    /// foreach (var (name, probability) in prediction.Top(3))
    ///     Console.WriteLine($"{name}: {probability:P0}");
    /// </code>
    /// </example>
    public static SlaPredictor Load(string path, long pixelLimit = PixelLimit.Default)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(pixelLimit, 1);

        // Overlaps the start of ONNX Runtime with reading the file.
        _ = Task.Run(OrtEnv.Instance);
        var model = SavedClassifier.Read(path);
        var features = model.Description.Features;
        return features.Kind == FeatureKind.Image
            ? new SlaPredictor(path, pixelLimit, model)
            : throw new InvalidDataException(
                $"The model in '{path}' scores the column '{features.Name}', a vector of pixels, and not images. Load it with mlContext.Model.Load.");
    }

    /// <summary>Makes a predictor that scores with the same network in another way. The two are independent: dispose both.</summary>
    /// <param name="inference">One of <see cref="Inferences"/>.</param>
    /// <returns>The predictor.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The training objective does not define the inference.</exception>
    /// <exception cref="InvalidDataException">The model computes in 8 bits.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPredictor WithInference(SlaInference inference) => With(network => SavedClassifier.Of(network, inference));

    /// <summary>
    /// Makes a predictor that also gives the class probabilities of each of the M views, which takes M passes for each image. The two
    /// predictors are independent: dispose both.
    /// </summary>
    /// <returns>The predictor.</returns>
    /// <exception cref="InvalidDataException">The model computes in 8 bits.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPredictor WithViewScores() => With(network => SavedClassifier.Of(network.WithViewScores("ViewScores"), Inference));

    /// <inheritdoc cref="SlaTransformer.ThresholdFor"/>
    public ConfidenceThreshold ThresholdFor(double errorRate) => _model.Description.ThresholdFor(Inference, errorRate);

    /// <summary>
    /// Scores an image file. It is decoded upright, as <see cref="SlaImagesCatalog.LoadUprightImages"/> decodes it with a <c>decodeSide</c>
    /// of twice the larger side of <see cref="ImageShape"/>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var use = _lifetime.Enter();
        return Score(path);
    }

    /// <summary>Scores the bytes of an image file. <see cref="Predict(string)"/> decodes a file in the same way and refuses the same ones.</summary>
    /// <param name="file">The bytes, for example of an upload.</param>
    /// <returns>The probabilities, bit for bit those of the file.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a usable image; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(ReadOnlySpan<byte> file)
    {
        using var use = _lifetime.Enter();
        return Score(file);
    }

    /// <summary>Scores an image file from a stream, read from the current position to the end, as <see cref="Predict(string)"/> scores a file.</summary>
    /// <param name="stream">The stream. The caller keeps ownership.</param>
    /// <returns>The probabilities, bit for bit those of the file.</returns>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var use = _lifetime.Enter();
        OpenSession();
        using var image = UprightImage.Decode(stream, UprightImage.InStream, DecodeSide, _pixelLimit);
        return Score(image);
    }

    /// <summary>
    /// Reads an image file without blocking a thread, and scores it as <see cref="Predict(string)"/> does. Only the reading is asynchronous:
    /// decoding and scoring take the thread that continues.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The probabilities, bit for bit those of <see cref="Predict(string)"/>.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file is not a usable image; the message names it and says why.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public Task<SlaPrediction> PredictAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        return ScoreAsync(() => UprightImage.LoadAsync(path, DecodeSide, _pixelLimit, cancellationToken));
    }

    /// <summary>
    /// Reads an image file from a stream without blocking a thread, from the current position to the end, and scores it as
    /// <see cref="Predict(Stream)"/> does. Only the reading is asynchronous: decoding and scoring take the thread that continues.
    /// </summary>
    /// <param name="stream">The stream, for example of an upload. The caller keeps ownership.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The probabilities, bit for bit those of the file.</returns>
    /// <exception cref="InvalidDataException">The content is not a usable image; the message says why.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public Task<SlaPrediction> PredictAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ScoreAsync(() => UprightImage.DecodeAsync(stream, UprightImage.InStream, DecodeSide, _pixelLimit, cancellationToken));
    }

    /// <summary>
    /// Scores an image in memory without turning or checking it: <see cref="MLImage"/> has no orientation, and its own readers accept truncated
    /// and CMYK files. A large JPEG that was decoded at full size gives slightly different probabilities than <see cref="Predict(string)"/>,
    /// which decodes it at a reduced size.
    /// </summary>
    /// <param name="image">The image, of any size. The caller keeps ownership.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="InvalidDataException">The image has a pixel format that is not supported.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = _lifetime.Enter();
        OpenSession();
        return Score(image);
    }

    /// <summary>Scores pixels in memory. The probabilities are those of an <see cref="MLImage"/> with the same pixels.</summary>
    /// <param name="pixels">C x H x W bytes, 0 to 255: a plane for each channel, red first, or one plane of grey.</param>
    /// <param name="shape">The shape of the pixels: 1 or 3 channels, of any size.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="ArgumentException">The number of pixels is not that of the shape, or the shape has another number of channels.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(ReadOnlySpan<byte> pixels, ImageShape shape)
    {
        using var use = _lifetime.Enter();
        OpenSession();
        using var image = PixelPlanes.ToImage(pixels, shape);
        return Score(image);
    }

    /// <summary>Scores image files on all processors, each file as <see cref="Predict(string)"/> does.</summary>
    /// <param name="paths">The files.</param>
    /// <returns>The probabilities, in the order of the files.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">A file is not a usable image; the message names the first such file and says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public IReadOnlyList<SlaPrediction> Predict(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        using var use = _lifetime.Enter();
        if (paths is [var only])
            return [Score(only)];

        var results = new SlaPredictionResult[paths.Count];
        var loop = Parallel.For(0, paths.Count, (i, state) =>
        {
            // The files before the first bad one are still read, so that the error names it regardless of thread timing.
            if (!(results[i] = Try(() => Score(paths[i]))).IsSuccess)
                state.Break();
        });
        if (loop.LowestBreakIteration is { } first)
            ExceptionDispatchInfo.Throw(results[first].Error!);
        return Array.ConvertAll(results, result => result.Prediction!);
    }

    /// <summary>Scores image files on all processors, each as <see cref="Predict(string)"/> does, also beside files that cannot be used.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="cancellationToken">Stops before the next file.</param>
    /// <returns>A prediction or an error for each file, in the order of the files.</returns>
    /// <exception cref="ArgumentException">A path is null.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public IReadOnlyList<SlaPredictionResult> PredictAll(IReadOnlyList<string> paths, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        for (int i = 0; i < paths.Count; i++)
        {
            if (paths[i] is null)
                throw new ArgumentException($"paths[{i}] is null.", nameof(paths));
        }

        return All(paths.Count, i => Score(paths[i]), cancellationToken);
    }

    /// <summary>
    /// Scores the bytes of image files on all processors, each as <see cref="Predict(ReadOnlySpan{byte})"/> does, also beside bytes that cannot be
    /// used.
    /// </summary>
    /// <param name="files">The bytes of each file.</param>
    /// <param name="cancellationToken">Stops before the next file.</param>
    /// <returns>A prediction or an error for each file, in the order of the files.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public IReadOnlyList<SlaPredictionResult> PredictAll(IReadOnlyList<ReadOnlyMemory<byte>> files, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return All(files.Count, i => Score(files[i].Span), cancellationToken);
    }

    /// <summary>
    /// Closes the ONNX session and returns at once. Threads that are predicting still get their results, and the last of them closes the
    /// session. A prediction that begins afterwards throws <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => _lifetime.Close();

    private SlaPrediction Score(string path)
    {
        OpenSession();
        using var image = UprightImage.Load(path, DecodeSide, _pixelLimit);
        return Score(image);
    }

    private SlaPrediction Score(ReadOnlySpan<byte> file)
    {
        OpenSession();
        using var image = UprightImage.Decode(file, UprightImage.InMemory, DecodeSide, _pixelLimit);
        return Score(image);
    }

    private async Task<SlaPrediction> ScoreAsync(Func<Task<MLImage>> load)
    {
        using var use = _lifetime.Enter();
        OpenSession();
        using var image = await load().ConfigureAwait(false);
        return Score(image);
    }

    private SlaPredictionResult[] All(int count, Func<int, SlaPrediction> score, CancellationToken cancellationToken)
    {
        using var use = _lifetime.Enter();
        var results = new SlaPredictionResult[count];
        Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellationToken }, i => results[i] = Try(() => score(i)));
        return results;
    }

    private static SlaPredictionResult Try(Func<SlaPrediction> score)
    {
        try
        {
            return new SlaPredictionResult(score());
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            return new SlaPredictionResult(exception);
        }
    }

    private SlaPrediction Score(MLImage image)
    {
        SignalStack.Ensure();
        float[] pixels = new float[ImageShape.Length];
        _model.Description.Features.CopyPixels(image, pixels);
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [1, pixels.Length]);
        using var options = new RunOptions();
        using var outputs = _session.Value.GetAwaiter().GetResult().Run(options, Inputs, [input], _outputs);
        float[][] values = [.. outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray())];
        float? confidence = _model.Description.ConfidenceColumn is null ? null : values[1][0];
        return new SlaPrediction(ClassNames, values[0], confidence, _model.Description.ViewScoresColumn is null ? [] : [.. values[^1].Chunk(ClassNames.Count)]);
    }

    /// <summary>Opens the session on first use, so that it opens while the image is decoded.</summary>
    private void OpenSession() => _ = _session.Value;

    private int DecodeSide => 2 * Math.Max(ImageShape.Height, ImageShape.Width);

    private SlaPredictor With(Func<TrainedModel, SavedClassifier> change)
    {
        using var use = _lifetime.Enter();
        return new SlaPredictor(_source, _pixelLimit, change(_model.Model ?? throw Int8Graph.IsFinal($"The model in '{_source}'")));
    }

    private InferenceSession NewSession()
    {
        // ML.NET scores a row with one thread. Another number would add in another order and change the last bits.
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        try
        {
            return new InferenceSession(_model.Onnx, options);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidDataException($"The model in '{_source}' cannot be opened by ONNX Runtime: {exception.Message}", exception);
        }
    }

    private void Release()
    {
        if (!_session.IsValueCreated)
            return;

        // The session may still be opening if the first image could not be used.
        Task.WaitAny(_session.Value);
        if (_session.Value.IsCompletedSuccessfully)
            _session.Value.Result.Dispose();
    }
}
