using Microsoft.ML.Sla;

namespace Microsoft.ML;

/// <summary>Label augmentation for any ML.NET trainer: makes views and joint labels, trains on them, and aggregates the scores.</summary>
public static class SlaViewsCatalog
{
    /// <summary>
    /// Adds the M views of each image and their joint labels (class, transformation) as two vector columns. The number of rows does not
    /// change. Train on the columns with <see cref="PerView"/>.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="transformations">The M transformations.</param>
    /// <param name="inputColumnName">Name of the image column: an MLImage, or a vector of C*H*W bytes or floats.</param>
    /// <param name="labelColumnName">Name of the label column, a key. Rows to score need none.</param>
    /// <returns>The estimator.</returns>
    /// <example>
    /// <code language="csharp">
    /// var mlContext = new MLContext(seed: 1);
    /// var photos = mlContext.Data.LoadFromEnumerable(
    ///     Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/&lt;class>/&lt;name>.jpg
    ///         .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
    ///
    /// var trainers = mlContext.MulticlassClassification.Trainers;
    /// var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
    ///     .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    ///     .Append(mlContext.Transforms.ResizeImages("Image", imageWidth: 14, imageHeight: 14))
    ///     .Append(mlContext.Transforms.ExtractPixels("Features", "Image"))
    ///     .Append(mlContext.Transforms.AugmentLabels(TransformationSet.Rotation))                 // -> Views, JointLabel
    ///     .Append(trainers.PerView(trainers.LbfgsMaximumEntropy("JointLabel", "Views")))          // -> JointScore
    ///     .Append(mlContext.Transforms.AggregateViews());                                         // -> Score, PredictedLabel
    ///
    /// using var model = pipeline.Fit(photos);
    /// mlContext.Model.Save(model, photos.Schema, "model.zip");
    /// </code>
    /// </example>
    public static LabelAugmentingEstimator AugmentLabels(
        this TransformsCatalog catalog,
        TransformationSet transformations,
        string inputColumnName = "Features",
        string labelColumnName = "Label") => catalog.AugmentLabels(new LabelAugmentingEstimator.Options
        {
            Transformations = transformations,
            InputColumnName = inputColumnName,
            LabelColumnName = labelColumnName,
        });

    /// <summary>Adds the M views of each image and their joint labels.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value; the message names it.</exception>
    /// <inheritdoc cref="AugmentLabels(TransformsCatalog, TransformationSet, string, string)" path="/example"/>
    public static LabelAugmentingEstimator AugmentLabels(this TransformsCatalog catalog, LabelAugmentingEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new LabelAugmentingEstimator(MLNetInternals.EnvironmentOf(catalog), options);
    }

    /// <summary>
    /// Trains any multiclass trainer with each view as a separate row with its joint label. The model writes the scores of an image's M views
    /// into one column, from which <see cref="AggregateViews"/> makes a prediction.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="trainer">
    /// The trainer, or a pipeline that ends in one, such as
    /// <c>mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy("JointLabel", "Views")</c>. It reads the columns of
    /// views and joint labels under their own names, with one view in a row: C*H*W values and one key. It must write its scores to
    /// the column <c>Score</c>.
    /// </param>
    /// <param name="viewsColumnName">Name of the column of views from <see cref="AugmentLabels(TransformsCatalog, LabelAugmentingEstimator.Options)"/>.</param>
    /// <param name="jointLabelColumnName">Name of the column of joint labels. Only training needs it.</param>
    /// <param name="outputColumnName">Name of the new column: the M vectors of N*M scores, one after another.</param>
    /// <returns>The estimator.</returns>
    /// <inheritdoc cref="AugmentLabels(TransformsCatalog, TransformationSet, string, string)" path="/example"/>
    public static PerViewTrainer PerView(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        IEstimator<ITransformer> trainer,
        string viewsColumnName = "Views",
        string jointLabelColumnName = "JointLabel",
        string outputColumnName = "JointScore")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(trainer);
        ArgumentException.ThrowIfNullOrWhiteSpace(viewsColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(jointLabelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        return new PerViewTrainer(MLNetInternals.EnvironmentOf(catalog), trainer, viewsColumnName, jointLabelColumnName, outputColumnName);
    }

    /// <summary>
    /// Makes one prediction from the joint scores of M views (Lee, Hwang and Shin, ICML 2020, aggregated inference). It averages the logits of
    /// the joint labels (i, j) that match view j over j. Score is the softmax of the averages over the classes i.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">Name of the column of the N class probabilities.</param>
    /// <param name="inputColumnName">Name of the column of M vectors of N*M scores, one after another.</param>
    /// <param name="labelColumnName">Name of the label column, a key: the N classes. Rows to score need none.</param>
    /// <param name="predictedLabelColumnName">Name of the column of the most probable class, a key with the label's key values.</param>
    /// <param name="scoresAreLogits">
    /// Whether the scores are logits. Otherwise they are probabilities, like those of LbfgsMaximumEntropy, SdcaMaximumEntropy and LightGbm, and
    /// their logarithms are averaged, which gives the same prediction.
    /// </param>
    /// <returns>The estimator.</returns>
    /// <inheritdoc cref="AugmentLabels(TransformsCatalog, TransformationSet, string, string)" path="/example"/>
    public static ViewAggregatingEstimator AggregateViews(
        this TransformsCatalog catalog,
        string outputColumnName = "Score",
        string inputColumnName = "JointScore",
        string labelColumnName = "Label",
        string predictedLabelColumnName = "PredictedLabel",
        bool scoresAreLogits = false)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(predictedLabelColumnName);
        return new ViewAggregatingEstimator(
            MLNetInternals.EnvironmentOf(catalog), outputColumnName, inputColumnName, labelColumnName, predictedLabelColumnName, scoresAreLogits);
    }
}
