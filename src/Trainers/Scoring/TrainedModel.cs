using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>A trained network as data: its description and its weights. It is written to and read from an ONNX model with an inference.</summary>
internal sealed class TrainedModel(ModelDescription description, Weights weights)
{
    private const string DescriptionKey = "Microsoft.ML.Sla";
    private const string InferenceKey = "Microsoft.ML.Sla.Inference";
    private const string BatchInput = "Images";
    private const string GraphName = "sla";

    public ModelDescription Description { get; } = description;

    public Weights Weights { get; } = weights;

    public int Classes => Description.Labels.Count;

    public int Views => Description.Transformations.Count;

    public Objective Objective => Description.CreateObjective();

    /// <summary>The same network with a name for the column of its views' probabilities; null for no column.</summary>
    public TrainedModel WithViewScores(string? columnName) => new(Description with { ViewScoresColumn = columnName }, Weights);

    /// <summary>The same network with a name for the column of confidence; null for no column.</summary>
    public TrainedModel WithConfidence(string? columnName) => new(Description with { ConfidenceColumn = columnName }, Weights);

    /// <summary>The same network with a backbone that computes in 32-bit floats.</summary>
    public TrainedModel InFloats() => new(Description with { Int8Ranges = null }, Weights);

    /// <summary>The scoring graph for ML.NET. It maps the C*H*W pixels of one image to N probabilities and the index of the largest.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The objective does not define the inference.</exception>
    /// <remarks>If the description names a column for them, the graph also gives the M x N probabilities of the views.</remarks>
    public byte[] ToOnnx(SlaInference inference) => WithMetadata(Graph(inference), inference).ToBytes();

    /// <summary>The graph of <see cref="ToOnnx"/> without metadata.</summary>
    public OnnxGraph Graph(SlaInference inference)
    {
        var graph = new OnnxGraph(GraphName);
        string pixels = graph.Input(FeatureColumn.PixelColumn, OnnxType.Float, 1, Description.Features.Shape.Length);
        var readout = Readout(graph, pixels, inference, withViews: Description.ViewScoresColumn is not null);
        string probabilities = Probabilities(graph, readout, inference);

        graph.Output(Description.ScoreColumn, probabilities, OnnxType.Float, Classes);
        graph.SlotNames(Description.ScoreColumn, Description.Labels.Names);
        if (Description.ViewScoresColumn is { } viewScores)
        {
            graph.Output(viewScores, readout.ViewProbabilities(), OnnxType.Float, Views, Classes);
            graph.SlotNames(viewScores, [.. Description.Transformations.SelectMany(t => Description.Labels.Names.Select(t.NameOf))]);
        }

        string predicted = graph.Node("ArgMax", [probabilities], ("axis", 1));
        if (Description.ConfidenceColumn is { } confidence)
            graph.Output(confidence, readout.Confidence(probabilities, predicted, Description.CalibrationOf(inference)?.Recognition), OnnxType.Float, 1);
        graph.Output(ClassLabels.ClassColumn, predicted, OnnxType.Int64, 1);
        return graph;
    }

    /// <summary>The scoring graph for other programs. It maps B x C x H x W pixels to B x N probabilities.</summary>
    /// <param name="inference">How images are scored.</param>
    /// <param name="batchSize">B; null for any number of images.</param>
    /// <exception cref="ArgumentOutOfRangeException">The objective does not define the inference.</exception>
    public byte[] ToBatchOnnx(SlaInference inference, int? batchSize)
    {
        var shape = Description.Features.Shape;
        long batch = batchSize ?? OnnxGraph.AnySize;
        var graph = new OnnxGraph(GraphName);
        string pixels = graph.Input(BatchInput, OnnxType.Float, batch, shape.Channels, shape.Height, shape.Width);
        var readout = Readout(graph, pixels, inference, withViews: false);
        string probabilities = Probabilities(graph, readout, inference);
        graph.Output(Description.ScoreColumn, probabilities, OnnxType.Float, batch, Classes);
        if (Description.ConfidenceColumn is { } confidence)
            graph.Output(confidence, readout.Confidence(probabilities, graph.Node("ArgMax", [probabilities], ("axis", 1)), Description.CalibrationOf(inference)?.Recognition), OnnxType.Float, batch, 1);
        return WithMetadata(graph, inference).ToBytes();
    }

    /// <summary>Whether metadata are those of an ONNX model that <see cref="ToOnnx"/> wrote.</summary>
    public static bool HasSlaMetadata(IEnumerable<StringStringEntryProto> metadata) => metadata.Has(DescriptionKey);

    /// <summary>Reads the description and the inference from the metadata of an ONNX model that <see cref="ToOnnx"/> wrote.</summary>
    /// <exception cref="InvalidDataException">This library did not write the metadata, or they are damaged.</exception>
    public static (ModelDescription Description, SlaInference Inference) ReadMetadata(IReadOnlyCollection<StringStringEntryProto> metadata)
    {
        var description = DescriptionReader.ReadModel(metadata.Value(DescriptionKey));
        description.Labels.Check();
        return (description, metadata.Member<SlaInference>(InferenceKey));
    }

    /// <summary>Whether the graph of <see cref="ToOnnx"/> embeds all views of an image.</summary>
    public static bool EmbedsAllViews(ModelDescription description, SlaInference inference) =>
        description.ViewScoresColumn is not null || description.CreateObjective().ReadoutOf(inference).AllViews;

    /// <summary>Reads a model that <see cref="ToOnnx"/> or <see cref="ToBatchOnnx"/> wrote.</summary>
    /// <exception cref="InvalidDataException">This library did not write the model, it is in 8 bits, or its parts contradict each other.</exception>
    public static (TrainedModel Model, SlaInference Inference) FromOnnx(ModelProto model)
    {
        if (Int8Graph.HasInt8Metadata(model.MetadataProps))
            throw Int8Graph.IsFinal();

        var (description, inference) = ReadMetadata(model.MetadataProps);
        description.Check(model.CalculateSize());
        var weights = model.NetworkWeights();
        weights.Check(description.Tensors());
        return (new TrainedModel(description, weights), inference);
    }

    /// <summary>softmax(s / T), B x N.</summary>
    private string Probabilities(OnnxGraph graph, ReadoutGraph readout, SlaInference inference)
    {
        string logits = readout.ClassLogits();
        if (Description.CalibrationOf(inference) is { } calibration)
            logits = graph.Node("Mul", [logits, graph.Constant((float)(1 / calibration.Temperature))]);
        return graph.Node("Softmax", [logits], ("axis", 1));
    }

    private OnnxGraph WithMetadata(OnnxGraph graph, SlaInference inference)
    {
        graph.Metadata(DescriptionKey, Description.ToJson());
        graph.Metadata(InferenceKey, inference.ToString());
        return graph;
    }

    private ReadoutGraph Readout(OnnxGraph graph, string pixels, SlaInference inference, bool withViews)
    {
        var readout = Objective.ReadoutOf(inference);
        bool allViews = readout.AllViews || withViews;
        string embeddings = BackboneGraph.Append(graph, Description, Weights, pixels, allViews);
        return new ReadoutGraph(graph, this, readout, embeddings, allViews);
    }
}
