using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Training;

namespace Microsoft.ML.Sla;

/// <summary>
/// Trains an embedding on episodes (prototypical networks, Snell, Swersky and Zemel 2017), with self-supervised label augmentation (Lee,
/// Hwang and Shin, ICML 2020): an N-way episode becomes a task of N*M pairs of class and transformation. A
/// <see cref="PrototypeClassifier"/> on the embedding learns classes that were not trained on, from a few images each. With
/// <see cref="BackboneTraining.Frozen"/> it keeps a pretrained backbone, and finds a linear map of its embeddings.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaFewShotCatalog"/>: <c>mlContext.MulticlassClassification.Trainers.SlaFewShot(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Column</term><description>Type</description></listheader>
/// <item><term>Features (input)</term><description>An image (MLImage), or a vector of C*H*W bytes or floats.</description></item>
/// <item><term>Label (input, training only)</term><description>A key. Its classes may differ from those to recognise later.</description></item>
/// <item><term>Embedding (output)</term><description>A vector of D floats for each view, one view after another.</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>Characteristic</term><description>Value</description></listheader>
/// <item><term>Machine learning task</term><description>Embedding of images, for few-shot classification</description></item>
/// <item><term>Is normalization required?</term><description>No. The trainer normalises pixels itself.</description></item>
/// <item><term>Is caching required?</term><description>No. The trainer reads each row once, and keeps pixels within <see cref="ImageTrainerOptions.PixelMemory"/>.</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>Microsoft.ML.Sla.Trainers, and TorchSharp-cpu or TorchSharp-cuda to train.</description></item>
/// <item><term>Exportable to ONNX</term><description>Yes: <see cref="ScoringTransformer.ExportOnnx"/>.</description></item>
/// </list>
/// </remarks>
public sealed partial class SlaFewShotTrainer : IEstimator<SlaEmbeddingTransformer>
{
    private readonly TrainerHost _host;
    private readonly Options _options;

    internal SlaFewShotTrainer(IHostEnvironment environment, Options options)
    {
        _options = options.Clone();
        _host = new TrainerHost(environment, "SlaFewShot", _options);
    }

    /// <summary>Trains an embedding on all rows that have a label.</summary>
    /// <param name="input">The training rows.</param>
    /// <returns>The embedding. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">
    /// A row cannot be used, there are too few classes or images of a class, the loss became infinite or NaN, memory runs out, or the checkpoint
    /// is of another run.
    /// </exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or its folder has files of something else.</exception>
    /// <exception cref="IOException">
    /// The temporary folder or <see cref="ImageTrainerOptions.CheckpointFolder"/> cannot be written to, or another training uses it.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token of the options, or the MLContext, was cancelled.</exception>
    public SlaEmbeddingTransformer Fit(IDataView input)
    {
        using var channel = _host.Start("Training");
        using var folder = RunFolder.Take(_options);
        var model = Train(new EmbeddingPlan(_host, _options, channel, input), channel);
        return new SlaEmbeddingTransformer(_host.Environment, model, model.Inferences[0]);
    }

    private static EmbeddingModel Train(EmbeddingPlan plan, IChannel channel)
    {
        if (plan.IsFrozen)
            return new FrozenEmbeddingTraining(plan, channel).Train();
        using var training = new EmbeddingTraining(plan, channel);
        return training.Train();
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        TrainerSchema.Check(inputSchema, _options.LabelColumnName, _options.FeatureColumnName);
        return OutputColumns.With(inputSchema, OutputColumns.Vector(_options.EmbeddingColumnName, NumberDataViewType.Single));
    }
}
