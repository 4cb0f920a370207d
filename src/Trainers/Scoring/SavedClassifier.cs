using Microsoft.ML.Sla.Onnx.Protobuf;

namespace Microsoft.ML.Sla.Scoring;

/// <summary>
/// A classifier read from a file, with the graph that scores. The library makes that graph from the description and the weights and does not run
/// the file's own graph. Predictor and transformer therefore cannot differ.
/// </summary>
/// <param name="Description">The description of the classifier.</param>
/// <param name="Inference">How the classifier scores.</param>
/// <param name="Onnx">The graph.</param>
/// <param name="Model">The network; null if its weights are rounded to 8 bits.</param>
internal sealed record SavedClassifier(ModelDescription Description, SlaInference Inference, byte[] Onnx, TrainedModel? Model)
{
    /// <summary>A classifier that scores a network with an inference.</summary>
    public static SavedClassifier Of(TrainedModel model, SlaInference inference) => new(model.Description, inference, model.Graph(inference).ToBytes(), model);

    /// <summary>Reads the model in a file that <c>mlContext.Model.Save</c> wrote.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, several, or a damaged one.</exception>
    public static SavedClassifier Read(string path) => SavedModel.Read(path, "SLA model", "Trainers.Sla", TrainedModel.HasSlaMetadata, FromOnnx);

    /// <summary>Reads the model in a file that <c>mlContext.Model.Save</c> wrote, with its weights.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no SLA model, several, a damaged one, or one whose weights are rounded to 8 bits.</exception>
    public static (TrainedModel Model, SlaInference Inference) ReadNetwork(string path)
    {
        var saved = Read(path);
        return (saved.Model ?? throw Int8Graph.IsFinal($"The model in '{path}'"), saved.Inference);
    }

    private static SavedClassifier FromOnnx(ModelProto stored)
    {
        if (Int8Graph.HasInt8Metadata(stored.MetadataProps))
        {
            var (description, rounded) = TrainedModel.ReadMetadata(stored.MetadataProps);
            description.Check(stored.CalculateSize());
            CheckViews(stored, description, rounded);
            return new SavedClassifier(description, rounded, Int8Graph.Rebuild(stored, description, rounded), Model: null);
        }

        var (model, inference) = TrainedModel.FromOnnx(stored);
        CheckViews(stored, model.Description, inference);
        var graph = model.Graph(inference);
        stored.CheckGraph(graph);
        return new SavedClassifier(model.Description, inference, graph.ToBytes(), model);
    }

    private static void CheckViews(ModelProto stored, ModelDescription description, SlaInference inference)
    {
        if (TrainedModel.EmbedsAllViews(description, inference))
            description.CheckViews(stored.CalculateSize());
    }
}
