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
/// Scores images one by one with a saved model, without a pipeline of ML.NET: the first prediction of a program comes several times
/// sooner. Of the same pixels the probabilities are the same, bit for bit, as those of <see cref="ScoringTransformer.Transform"/>.
/// </summary>
/// <remarks>
/// For models whose feature column is an image. It computes on the CPU, with one thread an image, and may be used by several threads at
/// a time. A model of <see cref="SlaTransformer.ToInt8"/> is scored as it is, and has neither another inference nor view scores.
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

    /// <param name="source">The file, which messages name.</param>
    /// <param name="pixelLimit">Pixels that an image may declare.</param>
    /// <param name="model">The model in it.</param>
    private SlaPredictor(string source, long pixelLimit, SavedClassifier model)
    {
        _source = source;
        _pixelLimit = pixelLimit;
        _model = model;
        var description = model.Description;
        _outputs = description.ViewScoresColumn is { } viewScores ? [description.ScoreColumn, viewScores] : [description.ScoreColumn];
        _session = new Lazy<Task<InferenceSession>>(() => Task.Run(NewSession));
        _lifetime = new Lifetime(this, Release);
    }

    /// <summary>How images are scored. See <see cref="WithInference"/>.</summary>
    public SlaInference Inference => _model.Inference;

    /// <summary>The inferences that the training objective defines, the recommended one first.</summary>
    public IReadOnlyList<SlaInference> Inferences => [.. _model.Description.CreateObjective().Inferences.Select(i => i.Inference)];

    /// <summary>What the network was trained to minimise.</summary>
    public SlaObjective Objective => _model.Description.Objective;

    /// <summary>The M transformations that it was trained with.</summary>
    public TransformationSet Transformations => _model.Description.Transformations;

    /// <summary>Shape of the images that the network sees; images of other sizes are resized.</summary>
    public ImageShape ImageShape => _model.Description.Features.Shape;

    /// <summary>The N class names, in the order of the probabilities.</summary>
    public IReadOnlyList<string> ClassNames => _model.Description.Labels.Names;

    /// <summary>Reads a model from a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <param name="path">The saved model: an SLA model by itself or in a pipeline, of which only the SLA model is read.</param>
    /// <param name="pixelLimit">
    /// Width times height that an image may declare, 1 or more: see <see cref="SlaImagesCatalog.LoadUprightImages"/>. Larger ones are an error
    /// before there is memory for them. Default 200,000,000.
    /// </param>
    /// <returns>The predictor, with the inference that the model was saved with.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The limit is below 1.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, or several, or one that scores vectors of pixels.</exception>
    public static SlaPredictor Load(string path, long pixelLimit = PixelLimit.Default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pixelLimit, 1);

        // ONNX Runtime gets ready while the file is read.
        _ = Task.Run(OrtEnv.Instance);
        var model = SavedClassifier.Read(path);
        var features = model.Description.Features;
        return features.Kind == FeatureKind.Image
            ? new SlaPredictor(path, pixelLimit, model)
            : throw new InvalidDataException(
                $"The model in '{path}' scores the column '{features.Name}', a vector of pixels, and not images. Load it with mlContext.Model.Load.");
    }

    /// <summary>Makes a predictor that scores with the same network in another way. It is independent of this one and disposed on its own.</summary>
    /// <param name="inference">One of <see cref="Inferences"/>.</param>
    /// <returns>The predictor.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The training objective does not define the inference.</exception>
    /// <exception cref="InvalidDataException">The model computes in 8 bits.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPredictor WithInference(SlaInference inference) => With(network => SavedClassifier.Of(network, inference));

    /// <summary>
    /// Makes a predictor that also gives the M views' own class probabilities, which takes M passes an image. It is independent of this
    /// one and disposed on its own.
    /// </summary>
    /// <returns>The predictor.</returns>
    /// <exception cref="InvalidDataException">The model computes in 8 bits.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPredictor WithViewScores() => With(network => SavedClassifier.Of(network.WithViewScores("ViewScores"), Inference));

    /// <summary>
    /// Scores an image file, read upright as <see cref="SlaImagesCatalog.LoadUprightImages"/> reads it with twice the larger side of
    /// <see cref="ImageShape"/> as the side that is enough.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The probabilities.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no image that can be used; the message names it and says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(string path)
    {
        using var use = _lifetime.Enter();
        return Score(path);
    }

    /// <summary>Scores the bytes of an image file, decoded as <see cref="Predict(string)"/> decodes the file, with the same refusals.</summary>
    /// <param name="file">The bytes, such as those of an upload.</param>
    /// <returns>The probabilities: the same, bit for bit, as those of the file.</returns>
    /// <exception cref="InvalidDataException">They are no image that can be used; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The predictor is disposed.</exception>
    public SlaPrediction Predict(ReadOnlySpan<byte> file)
    {
        using var use = _lifetime.Enter();
        OpenSession();
        using var image = UprightImage.Decode(file, UprightImage.InMemory, DecodeSide, _pixelLimit);
        return Score(image);
    }

    /// <summary>Scores the image file that a stream has from where it is to its end, as <see cref="Predict(string)"/> scores the file.</summary>
    /// <param name="stream">The stream. It stays the caller's.</param>
    /// <returns>The probabilities: the same, bit for bit, as those of the file.</returns>
    /// <exception cref="InvalidDataException">It is no image that can be used; the message says why.</exception>
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
    /// Scores an image in memory, as it is: <see cref="MLImage"/> knows no orientation, and its own readers accept cut off and CMYK files. A
    /// large JPEG that was decoded at full size gives slightly other probabilities than <see cref="Predict(string)"/>, which decodes it
    /// at a reduced size.
    /// </summary>
    /// <param name="image">The image, of any size. It stays the caller's.</param>
    /// <returns>The probabilities.</returns>
    public SlaPrediction Predict(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = _lifetime.Enter();
        return Score(image);
    }

    /// <summary>Scores image files on all processors, each as <see cref="Predict(string)"/> does.</summary>
    /// <param name="paths">The files.</param>
    /// <returns>The probabilities, in the order of the files.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">One is no image that can be used; the message names the first one and says why.</exception>
    public IReadOnlyList<SlaPrediction> Predict(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        using var use = _lifetime.Enter();
        if (paths is [var only])
            return [Score(only)];

        var predictions = new SlaPrediction[paths.Count];
        var failures = new Exception?[paths.Count];
        var loop = Parallel.For(0, paths.Count, (i, state) =>
        {
            try
            {
                predictions[i] = Score(paths[i]);
            }
            catch (Exception exception)
            {
                // All files before this one are still read, so that the first bad one is named whatever the threads do.
                failures[i] = exception;
                state.Break();
            }
        });
        if (loop.LowestBreakIteration is { } first)
            ExceptionDispatchInfo.Throw(failures[first]!);
        return predictions;
    }

    /// <summary>
    /// Closes the ONNX session and returns at once. Threads that are predicting still get their results, and the last of them closes the
    /// session. A prediction that begins afterwards is an <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => _lifetime.Close();

    private SlaPrediction Score(string path)
    {
        OpenSession();
        using var image = UprightImage.Load(path, DecodeSide, _pixelLimit);
        return Score(image);
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
        return new SlaPrediction(values[0], values is [_, var views] ? [.. views.Chunk(ClassNames.Count)] : []);
    }

    /// <summary>The first time, the session is opened while the image is decoded.</summary>
    private void OpenSession() => _ = _session.Value;

    private int DecodeSide => 2 * Math.Max(ImageShape.Height, ImageShape.Width);

    private SlaPredictor With(Func<TrainedModel, SavedClassifier> change)
    {
        using var use = _lifetime.Enter();
        return new SlaPredictor(_source, _pixelLimit, change(_model.Model ?? throw Int8Graph.IsFinal($"The model in '{_source}'")));
    }

    private InferenceSession NewSession()
    {
        // The threads of ML.NET's rows: with others, sums are taken in another order.
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

        // Where the first image could not be used, it may still be opening.
        Task.WaitAny(_session.Value);
        if (_session.Value.IsCompletedSuccessfully)
            _session.Value.Result.Dispose();
    }
}
