using Microsoft.ML.Sla;

namespace Microsoft.ML;

/// <summary>Label augmentation for any ML.NET trainer: views and joint labels, a trainer on them, and their aggregation.</summary>
public static class SlaViewsCatalog
{
    /// <summary>
    /// Adds the M views of each image and their joint labels (class, transformation), as two vector columns: one row in, one
    /// row out. Train on them with <see cref="PerView"/>.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="transformations">The M transformations.</param>
    /// <param name="inputColumnName">Name of the image column: an MLImage, or a vector of C*H*W bytes or floats.</param>
    /// <param name="labelColumnName">Name of the label column, a key. Rows to score need none.</param>
    /// <returns>The estimator.</returns>
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
    public static LabelAugmentingEstimator AugmentLabels(this TransformsCatalog catalog, LabelAugmentingEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new LabelAugmentingEstimator(MLNetInternals.EnvironmentOf(catalog), options);
    }

    /// <summary>
    /// Trains any multiclass trainer on the views as rows of their own, each with its joint label, and scores the M views of
    /// an image into one column. <see cref="AggregateViews"/> makes a prediction of it.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="trainer">
    /// The trainer, or a pipeline that ends in one, such as
    /// <c>mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy("JointLabel", "Views")</c>. It sees the columns of
    /// views and joint labels under their own names, one view a row: C*H*W values and one key. It must write its
    /// scores to the column <c>Score</c>.
    /// </param>
    /// <param name="viewsColumnName">The views of <see cref="AugmentLabels(TransformsCatalog, LabelAugmentingEstimator.Options)"/>.</param>
    /// <param name="jointLabelColumnName">The joint labels, needed in training only.</param>
    /// <param name="outputColumnName">Name of the new column: the M vectors of N*M scores, one after another.</param>
    /// <returns>The estimator.</returns>
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
    /// Makes one prediction of the M views' joint scores: the logits of the joint labels (i, j) that match view j are averaged
    /// over j, and their softmax over the classes i is Score (Lee, Hwang and Shin, ICML 2020, aggregated inference).
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">Name of the column of the N class probabilities.</param>
    /// <param name="inputColumnName">Name of the column of M vectors of N*M scores, one after another.</param>
    /// <param name="labelColumnName">Name of the label column, a key: the N classes. Rows to score need none.</param>
    /// <param name="predictedLabelColumnName">Name of the column of the most probable class, a key with the label's key values.</param>
    /// <param name="scoresAreLogits">
    /// Whether the scores are logits; otherwise they are probabilities, as those of LbfgsMaximumEntropy, SdcaMaximumEntropy
    /// and LightGbm are, and their logarithms are averaged, which gives the same prediction.
    /// </param>
    /// <returns>The estimator.</returns>
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
