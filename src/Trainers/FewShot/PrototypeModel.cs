using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// The description of a prototype classifier: everything except the prototypes. It is saved as JSON in the metadata of the ONNX model.
/// </summary>
/// <param name="Similarity">The measure of similarity between embeddings and prototypes.</param>
/// <param name="Scale">The factor on similarities.</param>
/// <param name="Views">M, the number of embeddings in a vector.</param>
/// <param name="EmbeddingSize">M*D, the number of values of a vector.</param>
/// <param name="EmbeddingColumn">Name of the column of embeddings.</param>
/// <param name="Labels">The label column and the classes.</param>
/// <param name="ScoreColumn">Name of the column of probabilities.</param>
/// <param name="PredictedLabelColumn">Name of the column of the most probable class.</param>
/// <param name="LibraryVersion">Version of this library that made the model.</param>
internal sealed record PrototypeDescription(
    PrototypeSimilarity Similarity,
    float Scale,
    int Views,
    int EmbeddingSize,
    string EmbeddingColumn,
    ClassLabels Labels,
    string ScoreColumn,
    string PredictedLabelColumn,
    string LibraryVersion)
{
    /// <summary>Checks a description read from a file.</summary>
    /// <exception cref="InvalidDataException">The description is invalid.</exception>
    public void Check()
    {
        Labels.Check();
        if (Views < 1 || EmbeddingSize < 1 || EmbeddingSize % Views != 0 || !Enum.IsDefined(Similarity) || !(Scale > 0 && float.IsFinite(Scale)))
            throw new InvalidDataException($"its description is invalid: {EmbeddingSize} values of {Views} views, similarity {Similarity}, scale {Scale}.");
    }
}

/// <summary>A prototype classifier as data. It is written to and read from an ONNX model.</summary>
/// <param name="description">The description of the classifier.</param>
/// <param name="prototypes">The prototypes of each class's views, M*D values, in the order of the classes.</param>
internal sealed class PrototypeModel(PrototypeDescription description, IReadOnlyList<float[]> prototypes)
{
    private const string DescriptionKey = "Microsoft.ML.Sla.Prototypes";
    private const string PrototypesName = "prototypes";

    private static readonly JsonSerializerOptions Strict = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    public PrototypeDescription Description { get; } = description;

    public IReadOnlyList<float[]> Prototypes { get; } = prototypes;

    /// <summary>The graph for ML.NET. It maps the embeddings of one image's views to N probabilities and the index of the largest.</summary>
    /// <remarks>A class's score depends only on its own prototypes, so that adding or removing a class does not change the others' scores.</remarks>
    public byte[] ToOnnx()
    {
        var graph = Graph();
        graph.Metadata(DescriptionKey, JsonSerializer.Serialize(Description));
        return graph.ToBytes();
    }

    private OnnxGraph Graph()
    {
        int classes = Prototypes.Count;
        var graph = new OnnxGraph("prototypes");
        string embeddings = graph.Input(Description.EmbeddingColumn, OnnxType.Float, 1, Description.EmbeddingSize);
        string prototypes = graph.Initializer(PrototypesName, [.. Prototypes.SelectMany(values => values)], classes, Description.EmbeddingSize);
        string logits = graph.Node("Reshape", [Logits(graph, embeddings, prototypes), graph.Constant(1, classes)]);
        string probabilities = graph.Node("Softmax", [logits], ("axis", 1));
        graph.Output(Description.ScoreColumn, probabilities, OnnxType.Float, classes);
        graph.SlotNames(Description.ScoreColumn, Description.Labels.Names);
        graph.Output(ClassLabels.ClassColumn, graph.Node("ArgMax", [probabilities], ("axis", 1)), OnnxType.Int64, 1);
        return graph;
    }

    /// <summary>Reads the classifier in a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no prototype classifier, several, or a damaged one.</exception>
    public static PrototypeModel Read(string path) =>
        SavedModel.Read(path, "prototype classifier", "Trainers.PrototypeClassifier", metadata => metadata.Has(DescriptionKey), FromOnnx);

    private static PrototypeModel FromOnnx(ModelProto stored)
    {
        var description = JsonSerializer.Deserialize<PrototypeDescription>(stored.MetadataProps.Value(DescriptionKey), Strict)
            ?? throw new InvalidDataException("its description is empty.");
        description.Check();
        float[] values = stored.Initializers().Single(tensor => tensor.Name == PrototypesName).Floats();
        if (values.Length != (long)description.Labels.Count * description.EmbeddingSize || !Array.TrueForAll(values, float.IsFinite))
            throw new InvalidDataException($"its prototypes are not {description.Labels.Count} vectors of {description.EmbeddingSize} numbers.");
        var model = new PrototypeModel(description, [.. values.Chunk(description.EmbeddingSize)]);
        stored.CheckGraph(model.Graph());
        return model;
    }

    /// <summary>For each class i: the scale times the mean, over the views j, of the similarity of view j to the prototype of (i, j).</summary>
    private string Logits(OnnxGraph graph, string embeddings, string prototypes)
    {
        float factor = Description.Scale / Description.Views;
        if (Description.Similarity == PrototypeSimilarity.Cosine)
        {
            string products = graph.Node("Mul", [Normalized(graph, embeddings, views: Description.Views), Normalized(graph, prototypes, Prototypes.Count * Description.Views)]);
            return graph.Node("Mul", [Sum(products), graph.Constant(factor)]);
        }

        string differences = graph.Node("Sub", [embeddings, prototypes]);
        return graph.Node("Mul", [Sum(graph.Node("Mul", [differences, differences])), graph.Constant(-factor)]);

        string Sum(string values) => graph.Node("ReduceSum", [values, graph.Constant(1)], ("keepdims", 0));
    }

    private string Normalized(OnnxGraph graph, string vectors, int views)
    {
        string ofViews = graph.Node("Reshape", [vectors, graph.Constant(views, Description.EmbeddingSize / Description.Views)]);
        string norms = graph.Node("ReduceL2", [ofViews], ("axes", new long[] { 1 }));
        string directions = graph.Node("Div", [ofViews, graph.Node("Max", [norms, graph.Constant(PrototypicalObjective.SmallestNorm)])]);
        return graph.Node("Reshape", [directions, graph.Constant(-1, Description.EmbeddingSize)]);
    }
}
