using System.Text.Json;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>What a classifier by prototypes is, apart from the prototypes. Saved as JSON in the metadata of the ONNX model.</summary>
/// <param name="Similarity">How near embeddings are to prototypes.</param>
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
    string LibraryVersion);

/// <summary>A classifier by prototypes as data. Becomes an ONNX model, and is read back from one.</summary>
/// <param name="description">What it is.</param>
/// <param name="prototypes">The prototypes of each class's views, M*D values, in the order of the classes.</param>
internal sealed class PrototypeModel(PrototypeDescription description, IReadOnlyList<float[]> prototypes)
{
    private const string DescriptionKey = "Microsoft.ML.Sla.Prototypes";
    private const string PrototypesName = "prototypes";

    public PrototypeDescription Description { get; } = description;

    public IReadOnlyList<float[]> Prototypes { get; } = prototypes;

    /// <summary>The graph for ML.NET: the embeddings of one image's views to N probabilities and the number of the largest.</summary>
    /// <remarks>The score of a class is computed from its own prototypes alone, so that classes come and go without changing others'.</remarks>
    public byte[] ToOnnx()
    {
        int classes = Prototypes.Count;
        var graph = new OnnxGraph("prototypes");
        graph.Metadata(DescriptionKey, JsonSerializer.Serialize(Description));
        string embeddings = graph.Input(Description.EmbeddingColumn, OnnxType.Float, 1, Description.EmbeddingSize);
        string prototypes = graph.Initializer(PrototypesName, [.. Prototypes.SelectMany(values => values)], classes, Description.EmbeddingSize);
        string logits = graph.Node("Reshape", [Logits(graph, embeddings, prototypes), graph.Constant(1, classes)]);
        string probabilities = graph.Node("Softmax", [logits], ("axis", 1));
        graph.Output(Description.ScoreColumn, probabilities, OnnxType.Float, classes);
        graph.SlotNames(Description.ScoreColumn, Description.Labels.Names);
        graph.Output(ClassLabels.ClassColumn, graph.Node("ArgMax", [probabilities], ("axis", 1)), OnnxType.Int64, 1);
        return graph.ToBytes();
    }

    /// <summary>Reads the classifier in a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <exception cref="InvalidDataException">The file holds no such classifier, or several.</exception>
    public static PrototypeModel Read(string path) =>
        FromOnnx(SavedModel.Find(path, "prototype classifier", "Trainers.PrototypeClassifier", metadata => metadata.Has(DescriptionKey)).Parse());

    private static PrototypeModel FromOnnx(ModelProto model)
    {
        var description = JsonSerializer.Deserialize<PrototypeDescription>(model.MetadataProps.Value(DescriptionKey))
            ?? throw new InvalidDataException("The classifier's description is empty.");
        float[] values = model.Graph.Initializer.Single(tensor => tensor.Name == PrototypesName).Floats();
        return new PrototypeModel(description, [.. values.Chunk(description.EmbeddingSize)]);
    }

    /// <summary>The scale times the mean over the views j of the similarity of view j to the prototype of (i, j), for each class i.</summary>
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
