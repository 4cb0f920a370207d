using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla;

/// <summary>
/// A trained model. It scores with an ONNX graph inside ML.NET's own transformers. A program that references neither this library nor
/// TorchSharp can therefore load it with <c>mlContext.Model.Load</c>, once <c>mlContext.Model.Save</c> has saved it.
/// </summary>
/// <remarks>
/// Adds three columns: <c>Score</c>, a vector of the N class probabilities with the class names as slot names,
/// <c>PredictedLabel</c>, a key with the label's key values, and <c>Confidence</c>, a vector of one value: how far the prediction can be trusted.
/// <see cref="WithViewScores"/> gives a fourth. The ONNX graph has the input <c>Sla.Pixels</c>, 1 x C*H*W floats of 0 to 255 with planes in the
/// order red, green, blue, and the output <c>Score</c> (or as named), the N class probabilities.
/// </remarks>
public sealed class SlaTransformer : ScoringTransformer
{
    private readonly IHostEnvironment _environment;
    private readonly TrainedModel _model;
    private readonly float[]? _int8Ranges;

    internal SlaTransformer(IHostEnvironment environment, TrainedModel model, SlaInference inference)
        : this(environment, model, inference, model.ToOnnx(inference), int8Ranges: null)
    {
    }

    private SlaTransformer(IHostEnvironment environment, TrainedModel model, SlaInference inference, byte[] onnx, float[]? int8Ranges)
        : base(onnx, (file, threads) => ScoringChain.Create(environment, model.Description, file, threads))
    {
        _environment = environment;
        _model = model;
        Inference = inference;
        _int8Ranges = int8Ranges;
    }

    /// <summary>How images are scored. See <see cref="WithInference"/>.</summary>
    public SlaInference Inference { get; }

    /// <summary>Whether it computes in 8 bits. See <see cref="ToInt8"/>.</summary>
    public bool IsInt8 => _int8Ranges is not null;

    /// <summary>The inferences that the training objective defines, the recommended one first.</summary>
    public IReadOnlyList<SlaInference> Inferences => [.. _model.Objective.Inferences.Select(i => i.Inference)];

    /// <summary>What the network was trained to minimise.</summary>
    public SlaObjective Objective => _model.Description.Objective;

    /// <summary>The M transformations that the network was trained with.</summary>
    public TransformationSet Transformations => _model.Description.Transformations;

    /// <summary>The backbone.</summary>
    public Architecture Architecture => _model.Description.Architecture;

    /// <summary>Name of the column that it scores: the trainer's feature column.</summary>
    public string FeatureColumnName => _model.Description.Features.Name;

    /// <summary>Shape of the images that the network sees; images of other sizes are resized.</summary>
    public ImageShape ImageShape => _model.Description.Features.Shape;

    /// <summary>How images of other sizes are brought to <see cref="ImageShape"/>.</summary>
    public ImageResizingEstimator.ResizingKind Resizing => _model.Description.Features.Resizing;

    /// <summary>What the logits are divided by before they become probabilities, above 0: see <see cref="SlaTrainer.Options.Calibration"/>. 1 where it was not fitted.</summary>
    public double Temperature => _model.Description.CalibrationOf(Inference)?.Temperature ?? 1;

    /// <summary>The N class names, in the order of Score.</summary>
    public IReadOnlyList<string> ClassNames => _model.Description.Labels.Names;

    /// <summary>The history of the training. It is saved with the model.</summary>
    public TrainingHistory TrainingHistory => _model.Description.History
        ?? throw new InvalidOperationException("The model was saved without its training history.");

    internal TrainedModel Model => _model;

    /// <summary>Reads a model back from a file that <c>mlContext.Model.Save</c> wrote, to change its inference or to export it.</summary>
    /// <param name="mlContext">The context that scores.</param>
    /// <param name="path">
    /// The saved model: an SLA model by itself or in a pipeline. Only the SLA model is read; <c>mlContext.Model.Load</c> reads
    /// whole pipelines.
    /// </param>
    /// <returns>The transformer, with the inference it was saved with.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, or several.</exception>
    /// <example>
    /// <code language="csharp">
    /// using var model = SlaTransformer.Load(new MLContext(), "model.zip");
    /// using var aggregated = model.WithInference(SlaInference.Aggregated);
    /// aggregated.ExportOnnx("model.onnx");
    /// </code>
    /// </example>
    public static SlaTransformer Load(MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(path);
        var (model, inference) = SavedClassifier.ReadNetwork(path);
        return new SlaTransformer(mlContext, model, inference);
    }

    /// <summary>
    /// Makes a transformer that scores the same network in another way, in 32-bit floats. The two are independent: dispose both.
    /// </summary>
    /// <param name="inference">One of <see cref="Inferences"/>.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The training objective does not define the inference.</exception>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public SlaTransformer WithInference(SlaInference inference)
    {
        using var use = Use();
        return new SlaTransformer(_environment, _model, inference);
    }

    /// <summary>
    /// Makes a transformer that also adds the class probabilities of each of the M views, M x N, with slot names such as <c>cat @ 90°</c>.
    /// It takes M passes for each image. The two transformers are independent: dispose both.
    /// </summary>
    /// <param name="columnName">Name of the column; null for a transformer without it.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public SlaTransformer WithViewScores(string? columnName = "ViewScores")
    {
        using var use = Use();
        return new SlaTransformer(_environment, _model.WithViewScores(columnName), Inference);
    }

    /// <summary>
    /// Makes a transformer that also adds the confidence of the prediction: see <see cref="SlaPrediction.Confidence"/>. The two transformers are
    /// independent: dispose both.
    /// </summary>
    /// <param name="columnName">Name of the column, a vector of one value from 0 to 1; null for a transformer without it.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public SlaTransformer WithConfidence(string? columnName = "Confidence")
    {
        using var use = Use();
        return new SlaTransformer(_environment, _model.WithConfidence(columnName), Inference);
    }

    /// <summary>Chooses the lowest confidence for a wanted error rate, on the rows that were kept from the training.</summary>
    /// <param name="errorRate">The wanted share of wrong predictions among those that are accepted, above 0 and below 1, such as 0.05.</param>
    /// <returns>The threshold on the confidence of a prediction, and how many of these rows it accepts.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not between 0 and 1, or these rows are too few or too hard to show it; the message says which they can.</exception>
    /// <exception cref="InvalidOperationException">No rows were kept from the training, or <see cref="SlaTrainer.Options.Calibration"/> was off.</exception>
    public ConfidenceThreshold ThresholdFor(double errorRate) => _model.Description.ThresholdFor(Inference, errorRate);

    /// <summary>
    /// Makes a transformer that computes the network's convolutions and sums in 8-bit numbers. It is about twice as fast, its file has about
    /// a quarter of the size, and its predictions differ a little (docs/evidence/speed.md has figures). It has the same inference as this
    /// one. The two are independent: dispose both. <c>mlContext.Model.Load</c> reads it like any other model. Its weights are rounded, so
    /// neither <see cref="Load"/> nor a training can start from it: keep this transformer for that.
    /// </summary>
    /// <param name="images">Images like those that will be scored, such as the training rows. The ranges of values are measured on them.</param>
    /// <param name="count">Number of images to measure, taken from all parts of the view. Default 512.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ArgumentException">There are no images.</exception>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public SlaTransformer ToInt8(IDataView images, int count = 512)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using var use = Use();
        var model = _model.InFloats();
        var graph = new Int8Graph(model.ToOnnx(Inference));
        using var measured = ScoringChain.CreateRanges(_environment, model.Description, new TemporaryFile(graph.WithRanges(), ".onnx"));
        var ranges = Int8Graph.Widest(Spread(images, count).SelectMany(rows => measured.Transform(rows).GetColumn<float[]>(Int8Graph.RangesColumn)));
        return ranges is null
            ? throw new ArgumentException("There are no images to measure the ranges of values on.", nameof(images))
            : new SlaTransformer(_environment, model, Inference, graph.Quantize(ranges).ToBytes(), ranges);
    }

    /// <inheritdoc cref="ExportOnnx(string, int?)"/>
    public override void ExportOnnx(string path) => ExportOnnx(path, batchSize: null);

    /// <summary>
    /// Writes the model as an ONNX file for other programs, in 8 bits where it computes in 8 bits. Input <c>Images</c>: B x C x H x W floats of 0 to
    /// 255, planes in the order red, green, blue. Output <c>Score</c>, or the name of the score column: B x N class probabilities, in the order of
    /// <see cref="ClassNames"/>. Output <c>Confidence</c>, if the transformer has that column: B x 1.
    /// </summary>
    /// <remarks><c>mlContext.Model.ConvertToOnnx</c> does not know this model. It throws, or leaves the model out of the file without a word.</remarks>
    /// <param name="path">The file to write.</param>
    /// <param name="batchSize">B, 1 or more, for a runtime that needs fixed shapes. Null: any number of images.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size is below 1.</exception>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public void ExportOnnx(string path, int? batchSize)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (batchSize is { } size)
            ArgumentOutOfRangeException.ThrowIfLessThan(size, 1, nameof(batchSize));
        using var use = Use();
        byte[] onnx = _model.ToBatchOnnx(Inference, batchSize);
        File.WriteAllBytes(path, _int8Ranges is null ? onnx : new Int8Graph(onnx).Quantize(_int8Ranges).ToBytes());
    }

    /// <summary>
    /// A number of rows of a view: the whole view, or short runs of rows from all parts of it, because the view may be sorted by class.
    /// </summary>
    private IEnumerable<IDataView> Spread(IDataView view, int count)
    {
        const int MostRuns = 32;
        var data = MLNetInternals.Data(_environment);
        long rows = view.GetRowCount() ?? RowCount(view);
        if (rows <= count)
            return [view];

        int runs = Math.Min(count, MostRuns);
        return Enumerable.Range(0, runs).Select(run =>
        {
            long start = rows * run / runs;
            return data.TakeRows(start == 0 ? view : data.SkipRows(view, start), (count * (run + 1L) / runs) - (count * (long)run / runs));
        });
    }

    private static long RowCount(IDataView view)
    {
        long rows = 0;
        using var cursor = view.GetRowCursor([]);
        while (cursor.MoveNext())
            rows++;
        return rows;
    }
}
