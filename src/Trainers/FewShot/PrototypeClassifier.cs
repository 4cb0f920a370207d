using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;
using Microsoft.ML.Sla.Scoring;

namespace Microsoft.ML.Sla;

/// <summary>
/// Classifies by the nearest prototype, the mean embedding of a class's images (Snell, Swersky and Zemel 2017), with a prototype for
/// each view (Lee, Hwang and Shin, ICML 2020). It fits in one pass over a few images of each class. One image of a class is enough.
/// </summary>
/// <remarks>
/// <para>Create it with <see cref="SlaFewShotCatalog"/>: <c>mlContext.MulticlassClassification.Trainers.PrototypeClassifier(...)</c>.</para>
/// <list type="table">
/// <listheader><term>Column</term><description>Type</description></listheader>
/// <item><term>Embedding (input)</term><description>A vector of M*D floats, as <see cref="SlaEmbeddingTransformer"/> adds it.</description></item>
/// <item><term>Label (input, training only)</term><description>A key. Each class must have rows.</description></item>
/// <item><term>Score (output)</term><description>A vector of N probabilities, with the class names as slot names.</description></item>
/// <item><term>PredictedLabel (output)</term><description>A key with the label's key values.</description></item>
/// </list>
/// </remarks>
public sealed class PrototypeClassifier : IEstimator<PrototypeTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly Options _options;

    internal PrototypeClassifier(IHostEnvironment environment, Options options)
    {
        options.Validate();
        _environment = environment;
        _options = options;
    }

    /// <summary>Makes the prototypes of all classes.</summary>
    /// <param name="input">The support set: embeddings and labels.</param>
    /// <returns>The classifier. Dispose it when it is no longer used.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">A class has no rows.</exception>
    public PrototypeTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var rows = EmbeddedRows.ReadLabelled(input, _options.LabelColumnName, _options.EmbeddingColumnName, _options.Views);
        var labels = ClassLabels.Of(input.Schema[_options.LabelColumnName]);
        var vectorsOfClasses = rows.ToLookup(row => row.Label, row => row.Values);
        int empty = Enumerable.Range(0, labels.Count).FirstOrDefault(label => !vectorsOfClasses.Contains(label), -1);
        if (labels.Count == 0 || empty >= 0)
        {
            throw new InvalidOperationException(
                (labels.Count == 0 ? "The support set has no classes" : $"The class '{labels.Names[empty]}' of column '{labels.ColumnName}' has no rows")
                + ", and a prototype is made of one row or more. Give rows of each class, and fit MapValueToKey on them alone.");
        }

        var description = new PrototypeDescription(
            _options.Similarity,
            _options.Scale,
            _options.Views,
            EmbeddedRows.Size(input.Schema[_options.EmbeddingColumnName], _options.Views),
            _options.EmbeddingColumnName,
            labels,
            _options.ScoreColumnName,
            _options.PredictedLabelColumnName,
            NetworkDescription.CurrentVersion);
        return new PrototypeTransformer(
            _environment,
            new PrototypeModel(description, [.. Enumerable.Range(0, labels.Count).Select(label => EmbeddedRows.Mean([.. vectorsOfClasses[label]]))]));
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        InputColumns.CheckLabel(inputSchema, _options.LabelColumnName, nameof(_options.LabelColumnName));
        EmbeddedRows.CheckEmbedding(inputSchema, _options.EmbeddingColumnName);
        return OutputColumns.WithPrediction(inputSchema, _options.LabelColumnName, _options.ScoreColumnName, _options.PredictedLabelColumnName);
    }

    /// <summary>Options of <see cref="PrototypeClassifier"/>.</summary>
    public sealed class Options
    {
        /// <summary>Name of the label column, a key.</summary>
        /// <value>Default <c>Label</c>.</value>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>Name of the column of embeddings, a vector of M*D floats.</summary>
        /// <value>Default <c>Embedding</c>.</value>
        public string EmbeddingColumnName { get; set; } = "Embedding";

        /// <summary>Name of the column of class probabilities that the model adds.</summary>
        /// <value>Default <c>Score</c>.</value>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>Name of the column of the most probable class that the model adds.</summary>
        /// <value>Default <c>PredictedLabel</c>.</value>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>M, the number of embeddings in a vector, one for each view.</summary>
        /// <value>Default 1.</value>
        public int Views { get; set; } = 1;

        /// <summary>The measure of similarity between an embedding and a prototype.</summary>
        /// <value>Default <see cref="PrototypeSimilarity.SquaredEuclidean"/>.</value>
        public PrototypeSimilarity Similarity { get; set; } = PrototypeSimilarity.SquaredEuclidean;

        /// <summary>The factor on similarities before the softmax. A larger factor gives probabilities closer to 0 and 1.</summary>
        /// <value>Default 1.</value>
        public float Scale { get; set; } = 1;

        internal void Validate()
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(LabelColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(EmbeddingColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(ScoreColumnName);
            ArgumentException.ThrowIfNullOrWhiteSpace(PredictedLabelColumnName);
            ImageTrainerOptions.Require(Views > 0, nameof(Views), Views, "above 0");
            ImageTrainerOptions.Require(Enum.IsDefined(Similarity), nameof(Similarity), Similarity, "a member of PrototypeSimilarity");
            ImageTrainerOptions.Require(Scale > 0 && float.IsFinite(Scale), nameof(Scale), Scale, "above 0");
        }
    }
}
