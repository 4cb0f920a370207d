using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla;

/// <summary>Aggregates the joint scores of an image's M views into one prediction. See <see cref="SlaViewsCatalog.AggregateViews"/>.</summary>
public sealed class ViewAggregatingEstimator : IEstimator<ITransformer>
{
    /// <summary>The smallest probability. Lower ones are raised to it, because the logarithm of 0 is infinite.</summary>
    private const float SmallestProbability = 1e-30f;

    private readonly IHostEnvironment _environment;
    private readonly string _outputColumnName;
    private readonly string _inputColumnName;
    private readonly string _labelColumnName;
    private readonly string _predictedLabelColumnName;
    private readonly bool _scoresAreLogits;

    internal ViewAggregatingEstimator(
        IHostEnvironment environment, string outputColumnName, string inputColumnName, string labelColumnName, string predictedLabelColumnName, bool scoresAreLogits)
    {
        _environment = environment;
        _outputColumnName = outputColumnName;
        _inputColumnName = inputColumnName;
        _labelColumnName = labelColumnName;
        _predictedLabelColumnName = predictedLabelColumnName;
        _scoresAreLogits = scoresAreLogits;
    }

    /// <summary>Prepares the aggregation. It learns only the classes of the label column.</summary>
    /// <param name="input">The training rows.</param>
    /// <returns>The transformer. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Check(MLNetInternals.ShapeOf(input.Schema));
        var labels = ClassLabels.Of(input.Schema[_labelColumnName]);
        int views = NumberOfViews(input.Schema[_inputColumnName], labels);

        var transforms = MLNetInternals.Transforms(_environment);
        var file = new TemporaryFile(Graph(labels, views), ".onnx");
        return new NativeChain(
            input,
            [
                transforms.ApplyOnnxModel([_outputColumnName, ClassLabels.ClassColumn], [_inputColumnName], file.Path),
                .. labels.PredictedLabelSteps(_environment, _predictedLabelColumnName),
                transforms.DropColumns([.. ClassLabels.TemporaryColumns]),
            ],
            images: null,
            file);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        Check(inputSchema);
        return OutputColumns.WithPrediction(inputSchema, _labelColumnName, _outputColumnName, _predictedLabelColumnName);
    }

    private void Check(SchemaShape schema)
    {
        InputColumns.CheckLabel(schema, _labelColumnName, "labelColumnName");
        var scores = InputColumns.Find(schema, _inputColumnName, "inputColumnName");
        if (scores.Kind != SchemaShape.Column.VectorKind.Vector || scores.ItemType != NumberDataViewType.Single)
        {
            throw new ArgumentException(
                $"The column '{_inputColumnName}' must be a vector of float scores, and it is {InputColumns.Describe(scores)}. "
                + "Give the output column of Trainers.PerView as inputColumnName.");
        }
    }

    /// <summary>Computes M from the M*N*M scores of N classes.</summary>
    private int NumberOfViews(DataViewSchema.Column scores, ClassLabels labels)
    {
        int size = ((VectorDataViewType)scores.Type).Size;
        int views = (int)Math.Round(Math.Sqrt((double)size / labels.Count));
        return views > 0 && views * views * labels.Count == size
            ? views
            : throw new ArgumentException(
                $"The column '{_inputColumnName}' has {size} scores, and for the {labels.Count} classes of '{_labelColumnName}' and M views it needs M * {labels.Count} * M. "
                + "Train on the joint labels of AugmentLabels with Trainers.PerView, on all classes of the label column.");
    }

    private byte[] Graph(ClassLabels labels, int views)
    {
        int classes = labels.Count;
        var graph = new OnnxGraph("aggregate");
        string scores = graph.Input(_inputColumnName, OnnxType.Float, 1, views * classes * views);
        string own = graph.Node("Gather", [scores, graph.Indices(OwnViewIndices(classes, views))], ("axis", 1));
        string logits = _scoresAreLogits ? own : graph.Node("Log", [graph.Node("Max", [own, graph.Constant(SmallestProbability)])]);
        string ofViews = graph.Node("Reshape", [logits, graph.Constant(views, classes)]);
        string mean = graph.Node("ReduceMean", [ofViews], ("axes", new long[] { 0 }));
        string probabilities = graph.Node("Softmax", [mean], ("axis", 1));
        graph.Output(_outputColumnName, probabilities, OnnxType.Float, classes);
        graph.SlotNames(_outputColumnName, labels.Names);
        graph.Output(ClassLabels.ClassColumn, graph.Node("ArgMax", [probabilities], ("axis", 1)), OnnxType.Int64, 1);
        return graph.ToBytes();
    }

    /// <summary>For each view j and class i: the index of the score of joint label (i, j) of view j in the M vectors of N*M scores.</summary>
    internal static int[] OwnViewIndices(int classes, int views) =>
        [.. Enumerable.Range(0, views).SelectMany(j => Enumerable.Range(0, classes).Select(i => (j * classes * views) + (i * views) + j))];
}
