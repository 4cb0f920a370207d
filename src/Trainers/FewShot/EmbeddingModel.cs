using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Onnx;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>A trained embedding as data: its description and its weights. It is written to and read from an ONNX model.</summary>
internal sealed class EmbeddingModel(EmbeddingDescription description, Weights weights)
{
    private const string DescriptionKey = "Microsoft.ML.Sla.Embedding";
    private const string InferenceKey = "Microsoft.ML.Sla.Embedding.Inference";

    /// <summary>The factor on cosines before any training: a training starts from it.</summary>
    public const float InitialScaleOfCosine = 10;

    public EmbeddingDescription Description { get; } = description;

    public Weights Weights { get; } = weights;

    /// <summary>The inferences that the objective defines, the recommended one first.</summary>
    public IReadOnlyList<SlaInference> Inferences => Description.Objective switch
    {
        FewShotObjective.Baseline => [SlaInference.Single],
        FewShotObjective.ViewsAsClasses => [SlaInference.Single, SlaInference.Aggregated],
        _ => [SlaInference.Aggregated, SlaInference.Single],
    };

    /// <summary>A network that others have trained.</summary>
    /// <exception cref="ArgumentException">The architecture has no weights, or does not take images of the size.</exception>
    public static EmbeddingModel OfBackbone(Architecture architecture, string feature, int side, TransformationSet transformations, string embeddingColumn)
    {
        if (architecture.InitialWeights is null)
        {
            throw new ArgumentException(
                $"{architecture} comes without weights. Give Architecture.PretrainedResNet18() or Architecture.FromOnnx(path), or train an embedding with Trainers.SlaFewShot.",
                nameof(architecture));
        }

        var shape = new ImageShape(Channels: 3, side, side);
        if (architecture.Objection(shape) is { } objection)
            throw new ArgumentException(objection, nameof(architecture));
        var (chosen, _) = architecture.Choose(shape, images: 0, gpu: false);
        var description = new EmbeddingDescription(
            transformations.Count == 1 ? FewShotObjective.Baseline : FewShotObjective.Sla,
            PrototypeSimilarity.Cosine,
            InitialScaleOfCosine,
            chosen,
            transformations,
            new FeatureColumn(feature, FeatureKind.Image, shape, ImageResizingEstimator.ResizingKind.IsoCrop, PixelMaximum: 255),
            chosen.InitialNormalization ?? PixelNormalization.ImageNet,
            embeddingColumn,
            NetworkDescription.CurrentVersion);
        return new EmbeddingModel(description, new Weights(chosen.InitialWeights!));
    }

    /// <summary>The graph for ML.NET. It maps the C*H*W pixels of one image to the embeddings of its views, one after another.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The objective does not define the inference.</exception>
    public byte[] ToOnnx(SlaInference inference)
    {
        if (!Inferences.Contains(inference))
        {
            throw new ArgumentOutOfRangeException(
                nameof(inference),
                inference,
                $"An embedding of FewShotObjective.{Description.Objective} has no {inference} inference. Use {string.Join(" or ", Inferences.Select(i => $"SlaInference.{i}"))}.");
        }

        var graph = Graph(inference);
        graph.Metadata(DescriptionKey, Description.ToJson());
        graph.Metadata(InferenceKey, inference.ToString());
        return graph.ToBytes();
    }

    /// <summary>Reads the embedding in a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no embedding, or several, or a damaged one.</exception>
    public static (EmbeddingModel Model, SlaInference Inference) Read(string path) => SavedModel.Read(
        path,
        "SLA embedding",
        "Trainers.SlaFewShot",
        metadata => metadata.Has(DescriptionKey),
        proto =>
        {
            var description = EmbeddingDescription.FromJson(proto.MetadataProps.Value(DescriptionKey));
            description.Check(proto.CalculateSize());
            var model = new EmbeddingModel(description, proto.NetworkWeights());
            var inference = proto.MetadataProps.Member<SlaInference>(InferenceKey);
            model.Weights.Check(description.Tensors());
            if (inference == SlaInference.Aggregated)
                description.CheckViews(proto.CalculateSize());
            if (!(description.Scale > 0 && float.IsFinite(description.Scale)) || !model.Inferences.Contains(inference))
                throw new InvalidDataException($"its objective {description.Objective}, inference {inference} or scale {description.Scale} is invalid.");
            proto.CheckGraph(model.Graph(inference));
            return (model, inference);
        });

    private OnnxGraph Graph(SlaInference inference)
    {
        bool allViews = inference == SlaInference.Aggregated;
        var graph = new OnnxGraph("embedding");
        string pixels = graph.Input(FeatureColumn.PixelColumn, OnnxType.Float, 1, Description.Features.Shape.Length);
        string embeddings = Mapped(graph, BackboneGraph.Append(graph, Description, Weights, pixels, allViews));
        int views = allViews ? Description.Transformations.Count : 1;
        graph.Output(Description.EmbeddingColumn, embeddings, OnnxType.Float, views * Description.EmbeddingSize);
        return graph;
    }

    /// <summary>The embeddings of views, rows x D, by the linear map if there is one.</summary>
    private string Mapped(OnnxGraph graph, string embeddings) => Description.MapSize is null
        ? embeddings
        : graph.Node("Gemm", [embeddings, Initializer(graph, EmbeddingDescription.MapWeightName), Initializer(graph, EmbeddingDescription.MapBiasName)], ("transB", 1));

    private string Initializer(OnnxGraph graph, string name)
    {
        var (shape, values) = Weights[name];
        return graph.Initializer(name, values, shape);
    }
}
