using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Chains;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Files;
using Microsoft.ML.Sla.Onnx;

namespace Microsoft.ML.Sla;

/// <summary>Trains any multiclass trainer with each view as a separate row. See <see cref="SlaViewsCatalog.PerView"/>.</summary>
public sealed class PerViewTrainer : IEstimator<ITransformer>
{
    private const string ScoreColumn = "Score";
    private const string AllViewsColumn = "Sla.Views";
    private const string PrefixOfView = "Sla.View";
    private const string PrefixOfScore = "Sla.Score";

    private readonly IHostEnvironment _environment;
    private readonly IEstimator<ITransformer> _trainer;
    private readonly string _viewsColumnName;
    private readonly string _jointLabelColumnName;
    private readonly string _outputColumnName;

    internal PerViewTrainer(
        IHostEnvironment environment, IEstimator<ITransformer> trainer, string viewsColumnName, string jointLabelColumnName, string outputColumnName)
    {
        _environment = environment;
        _trainer = trainer;
        _viewsColumnName = viewsColumnName;
        _jointLabelColumnName = jointLabelColumnName;
        _outputColumnName = outputColumnName;
    }

    /// <summary>Trains on every view of every row.</summary>
    /// <param name="input">The training rows, with the columns of AugmentLabels.</param>
    /// <returns>The trained model. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or does not come from AugmentLabels, or the trainer writes no vector of scores.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Check(MLNetInternals.ShapeOf(input.Schema));
        var viewsType = (VectorDataViewType)input.Schema[_viewsColumnName].Type;
        int views = ((VectorDataViewType)input.Schema[_jointLabelColumnName].Type).Size;
        if (views == 0 || viewsType.Size == 0 || viewsType.Size % views != 0)
        {
            throw new ArgumentException(
                $"The column '{_viewsColumnName}' has {viewsType.Size} values, which are not those of the {views} views that '{_jointLabelColumnName}' labels. "
                + "Use the two columns of one AugmentLabels step.");
        }

        var rows = ViewRows.Of(MLNetInternals.Data(_environment), input, _viewsColumnName, _jointLabelColumnName);
        var model = _trainer.Fit(rows);
        string[] added = [.. CheckedOutput(model.GetOutputSchema(rows.Schema), rows.Schema)];
        var file = new TemporaryFile(SplitGraph(viewsType, views), ".onnx");
        return new NativeChain(input, ScoringSteps(model, views, added, file.Path), images: null, file);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        Check(inputSchema);
        var columns = inputSchema.ToDictionary(column => column.Name);
        columns[_outputColumnName] = OutputColumns.Scores(_outputColumnName);
        return new SchemaShape(columns.Values);
    }

    private void Check(SchemaShape schema)
    {
        var views = InputColumns.Find(schema, _viewsColumnName, "viewsColumnName");
        var labels = InputColumns.Find(schema, _jointLabelColumnName, "jointLabelColumnName");
        if (views.Kind != SchemaShape.Column.VectorKind.Vector || (views.ItemType != NumberDataViewType.Single && views.ItemType != NumberDataViewType.Byte))
            throw Mismatch(views, "a vector of the floats or bytes of M views");
        if (labels.Kind != SchemaShape.Column.VectorKind.Vector || !labels.IsKey)
            throw Mismatch(labels, "a vector of M keys");

        static ArgumentException Mismatch(SchemaShape.Column column, string wanted) => new(
            $"The column '{column.Name}' must be {wanted}, and it is {InputColumns.Describe(column)}. Add mlContext.Transforms.AugmentLabels(...) before the trainer.");
    }

    /// <summary>The columns that the trained model adds. They are temporary, because each view writes them again.</summary>
    private static IEnumerable<string> CheckedOutput(DataViewSchema output, DataViewSchema rows)
    {
        if (output.GetColumnOrNull(ScoreColumn)?.Type is not VectorDataViewType { IsKnownSize: true, ItemType: NumberDataViewType } scores
            || scores.ItemType != NumberDataViewType.Single)
        {
            throw new ArgumentException(
                $"The trainer given to PerView writes no vector of scores to the column '{ScoreColumn}'. Use a multiclass trainer, such as LbfgsMaximumEntropy or LightGbm.");
        }

        return output.Where(column => !column.IsHidden && rows.GetColumnOrNull(column.Name) is null).Select(column => column.Name);
    }

    /// <summary>
    /// Scores with ML.NET's own steps. Each view in turn gets the column name that the model was trained with, and the scores of
    /// the view are kept in a column with the view's number.
    /// </summary>
    private IEnumerable<IEstimator<ITransformer>> ScoringSteps(ITransformer model, int views, string[] added, string splitPath)
    {
        var transforms = MLNetInternals.Transforms(_environment);
        string[] ofViews = Numbered(PrefixOfView, views), scores = Numbered(PrefixOfScore, views);
        yield return transforms.CopyColumns(AllViewsColumn, _viewsColumnName);
        yield return transforms.ApplyOnnxModel(ofViews, [AllViewsColumn], splitPath);
        for (int j = 0; j < views; j++)
        {
            yield return transforms.CopyColumns(_viewsColumnName, ofViews[j]);
            yield return new Fitted(model);
            yield return transforms.CopyColumns(scores[j], ScoreColumn);
        }

        yield return transforms.Concatenate(_outputColumnName, scores);
        yield return transforms.CopyColumns(_viewsColumnName, AllViewsColumn);
        yield return transforms.DropColumns([AllViewsColumn, .. ofViews, .. scores, .. added.Where(name => name != _outputColumnName)]);
    }

    private static byte[] SplitGraph(VectorDataViewType viewsType, int views)
    {
        var graph = new OnnxGraph("split");
        var type = viewsType.ItemType == NumberDataViewType.Byte ? OnnxType.UInt8 : OnnxType.Float;
        int length = viewsType.Size / views;
        string all = graph.Input(AllViewsColumn, type, 1, viewsType.Size);
        for (int j = 0; j < views; j++)
        {
            string view = graph.Node("Slice", [all, graph.Constant(j * length), graph.Constant((j + 1) * length), graph.Constant(1)]);
            graph.Output($"{PrefixOfView}{j}", view, type, length);
        }

        return graph.ToBytes();
    }

    private static string[] Numbered(string prefix, int count) => [.. Enumerable.Range(0, count).Select(j => $"{prefix}{j}")];

    /// <summary>A trained model as a step of a chain.</summary>
    private sealed class Fitted(ITransformer model) : IEstimator<ITransformer>
    {
        public ITransformer Fit(IDataView input) => model;

        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => throw new NotSupportedException("A fitted step is only fitted.");
    }
}
