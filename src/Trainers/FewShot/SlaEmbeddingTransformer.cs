using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.FewShot;

namespace Microsoft.ML.Sla;

/// <summary>
/// A trained embedding. It turns an image into the vectors that <see cref="PrototypeClassifier"/> compares. It scores with an ONNX graph
/// inside ML.NET's own transformers. A program that references neither this library nor TorchSharp can therefore load it with
/// <c>mlContext.Model.Load</c>, once <c>mlContext.Model.Save</c> has saved it.
/// </summary>
/// <remarks>
/// Adds the column <c>Embedding</c> (or as named): the D values of each of the <see cref="Views"/> views, one view after another. The
/// ONNX graph has the input <c>Sla.Pixels</c>, 1 x C*H*W floats of 0 to 255 with planes in the order red, green, blue.
/// </remarks>
public sealed class SlaEmbeddingTransformer : ScoringTransformer
{
    private readonly IHostEnvironment _environment;
    private readonly EmbeddingModel _model;

    internal SlaEmbeddingTransformer(IHostEnvironment environment, EmbeddingModel model, SlaInference inference)
        : base(model.ToOnnx(inference), (file, threads) => FewShotChain.CreateEmbedding(environment, model.Description, file, threads))
    {
        _environment = environment;
        _model = model;
        Inference = inference;
    }

    /// <summary>Whether it embeds all M views (Aggregated) or the untransformed image (Single). See <see cref="WithInference"/>.</summary>
    public SlaInference Inference { get; }

    /// <summary>The inferences that the training objective defines, the recommended one first.</summary>
    public IReadOnlyList<SlaInference> Inferences => _model.Inferences;

    /// <summary>What the network was trained to minimise.</summary>
    public FewShotObjective Objective => _model.Description.Objective;

    /// <summary>The measure of similarity between an embedding and a prototype.</summary>
    public PrototypeSimilarity Similarity => _model.Description.Similarity;

    /// <summary>The learned factor on similarities.</summary>
    public float Scale => _model.Description.Scale;

    /// <summary>The M transformations that the network was trained with.</summary>
    public TransformationSet Transformations => _model.Description.Transformations;

    /// <summary>The backbone.</summary>
    public Architecture Architecture => _model.Description.Architecture;

    /// <summary>Name of the column that it embeds: the trainer's feature column.</summary>
    public string FeatureColumnName => _model.Description.Features.Name;

    /// <summary>Name of the column that it adds.</summary>
    public string EmbeddingColumnName => _model.Description.EmbeddingColumn;

    /// <summary>Shape of the images that the network sees; images of other sizes are resized.</summary>
    public ImageShape ImageShape => _model.Description.Features.Shape;

    /// <summary>Number of views in a vector: M for Aggregated, 1 for Single.</summary>
    public int Views => Inference == SlaInference.Aggregated ? Transformations.Count : 1;

    /// <summary>D, the number of values of a view's embedding.</summary>
    public int EmbeddingSize => _model.Description.EmbeddingSize;

    /// <summary>The history of the training. It is saved with the model.</summary>
    public TrainingHistory TrainingHistory => _model.Description.History
        ?? throw new InvalidOperationException("The model was saved without its training history.");

    internal EmbeddingModel Model => _model;

    /// <summary>Reads an embedding back from a file that <c>mlContext.Model.Save</c> wrote, to make classifiers on it.</summary>
    /// <param name="mlContext">The context that scores.</param>
    /// <param name="path">
    /// The saved model: an embedding by itself or in a pipeline. Only the embedding is read; <c>mlContext.Model.Load</c> reads whole
    /// pipelines.
    /// </param>
    /// <returns>The transformer, with the inference it was saved with.</returns>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="InvalidDataException">The file holds no embedding, or several.</exception>
    public static SlaEmbeddingTransformer Load(MLContext mlContext, string path)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(path);
        var (model, inference) = EmbeddingModel.Read(path);
        return new SlaEmbeddingTransformer(mlContext, model, inference);
    }

    /// <summary>Makes an embedding of a network that others have trained, without any training.</summary>
    /// <param name="mlContext">The context that scores.</param>
    /// <param name="architecture">The network: <see cref="Architecture.PretrainedResNet18"/>, or one of <see cref="Architecture.FromOnnx"/>.</param>
    /// <param name="featureColumnName">Name of the image column. Default <c>Features</c>.</param>
    /// <param name="imageSize">Width and height that images are resized to, in pixels. Default 224.</param>
    /// <param name="transformations">The views that are embedded. Default null: the untransformed image alone.</param>
    /// <param name="embeddingColumnName">Name of the column that the transformer adds. Default <c>Embedding</c>.</param>
    /// <returns>The transformer, for <see cref="PrototypeClassifier"/>. Similarities are cosines.</returns>
    /// <exception cref="ArgumentException">The architecture has no weights, or does not take images of the size.</exception>
    public static SlaEmbeddingTransformer FromBackbone(
        MLContext mlContext,
        Architecture architecture,
        string featureColumnName = "Features",
        int imageSize = 224,
        TransformationSet? transformations = null,
        string embeddingColumnName = "Embedding")
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentException.ThrowIfNullOrWhiteSpace(featureColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(embeddingColumnName);
        var model = EmbeddingModel.OfBackbone(architecture, featureColumnName, imageSize, transformations ?? TransformationSet.None, embeddingColumnName);
        return new SlaEmbeddingTransformer(mlContext, model, model.Inferences[0]);
    }

    /// <summary>
    /// Makes a transformer that embeds all views, or the untransformed image in one pass. The two transformers are independent: dispose both.
    /// </summary>
    /// <param name="inference">One of <see cref="Inferences"/>.</param>
    /// <returns>The transformer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The training objective does not define the inference.</exception>
    /// <exception cref="ObjectDisposedException">The transformer is disposed.</exception>
    public SlaEmbeddingTransformer WithInference(SlaInference inference)
    {
        using var use = Use();
        return new SlaEmbeddingTransformer(_environment, _model, inference);
    }
}
