using Microsoft.ML.Sla;

namespace Microsoft.ML;

/// <summary>Makes the SLA trainer from <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class SlaCatalog
{
    /// <summary>
    /// Creates a trainer that learns an image classifier by self-supervised label augmentation, with the defaults of
    /// <see cref="SlaTrainer.Options"/>.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">Name of the label column, a key.</param>
    /// <param name="featureColumnName">Name of the feature column: an image (MLImage), or a vector of C*H*W bytes or floats.</param>
    /// <param name="scoreColumnName">Name of the column of probabilities that the model adds.</param>
    /// <param name="predictedLabelColumnName">Name of the column of the most probable class that the model adds.</param>
    /// <param name="validationSet">Rows to measure accuracy on after each epoch. Default null: no validation.</param>
    /// <returns>The trainer, an estimator.</returns>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <inheritdoc cref="Sla(MulticlassClassificationCatalog.MulticlassClassificationTrainers, SlaTrainer.Options)" path="/example"/>
    public static SlaTrainer Sla(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        IDataView? validationSet = null) => catalog.Sla(new SlaTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            ValidationSet = validationSet,
        });

    /// <summary>Creates a trainer that learns an image classifier by self-supervised label augmentation.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The trainer, an estimator.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value; the message names it.</exception>
    /// <example>
    /// <code language="csharp">
    /// var mlContext = new MLContext(seed: 1);
    /// var photos = mlContext.Data.LoadFromEnumerable(
    ///     Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/&lt;class>/&lt;name>.jpg
    ///         .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
    ///
    /// var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
    ///     .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    ///     .Append(mlContext.MulticlassClassification.Trainers.Sla(new SlaTrainer.Options
    ///     {
    ///         FeatureColumnName = "Image",
    ///         ImageWidth = 32,
    ///         ImageHeight = 32,
    ///         Epochs = 40,
    ///         ViewsPerStep = 2,
    ///     }))
    ///     .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabelName", "PredictedLabel"));
    ///
    /// using var model = pipeline.Fit(photos);
    /// mlContext.Model.Save(model, photos.Schema, "model.zip");
    /// </code>
    /// </example>
    public static SlaTrainer Sla(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, SlaTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new SlaTrainer(MLNetInternals.EnvironmentOf(catalog), options);
    }
}
