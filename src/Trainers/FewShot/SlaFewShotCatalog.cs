using Microsoft.ML.Sla;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.FewShot;

namespace Microsoft.ML;

/// <summary>Few-shot classification: an embedding, a classifier that learns classes from a few images each, and its evaluation.</summary>
public static class SlaFewShotCatalog
{
    /// <summary>Creates a trainer that learns an embedding from episodes, with the defaults of <see cref="SlaFewShotTrainer.Options"/>.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">Name of the label column, a key.</param>
    /// <param name="featureColumnName">Name of the feature column: an image (MLImage), or a vector of C*H*W bytes or floats.</param>
    /// <param name="embeddingColumnName">Name of the column of embeddings that the model adds.</param>
    /// <returns>The trainer, an estimator.</returns>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <inheritdoc cref="SlaFewShot(MulticlassClassificationCatalog.MulticlassClassificationTrainers, SlaFewShotTrainer.Options)" path="/example"/>
    public static SlaFewShotTrainer SlaFewShot(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string embeddingColumnName = "Embedding") => catalog.SlaFewShot(new SlaFewShotTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            EmbeddingColumnName = embeddingColumnName,
        });

    /// <summary>Creates a trainer that learns an embedding from episodes.</summary>
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
    /// var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
    ///     .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    ///     .Fit(photos).Transform(photos);
    ///
    /// using var embedding = mlContext.MulticlassClassification.Trainers.SlaFewShot(new SlaFewShotTrainer.Options
    /// {
    ///     FeatureColumnName = "Image",
    ///     ImageWidth = 32,
    ///     ImageHeight = 32,
    ///     Ways = 3,
    ///     Shots = 5,
    ///     Queries = 5,
    ///     Episodes = 1_000,
    /// }).Fit(rows);
    /// mlContext.Model.Save(embedding, rows.Schema, "embedding.zip");
    /// </code>
    /// </example>
    public static SlaFewShotTrainer SlaFewShot(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, SlaFewShotTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new SlaFewShotTrainer(MLNetInternals.EnvironmentOf(catalog), options);
    }

    /// <summary>Creates a classifier on the column that an embedding adds, with the embedding's similarity, scale and views.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="embedding">The embedding. Put it before the classifier in a pipeline.</param>
    /// <param name="labelColumnName">Name of the label column, a key.</param>
    /// <param name="scoreColumnName">Name of the column of probabilities that the model adds.</param>
    /// <param name="predictedLabelColumnName">Name of the column of the most probable class that the model adds.</param>
    /// <returns>The classifier, an estimator.</returns>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <example>
    /// <code language="csharp">
    /// var mlContext = new MLContext(seed: 1);
    /// var photos = mlContext.Data.LoadFromEnumerable(
    ///     Directory.GetFiles("photos", "*.jpg", SearchOption.AllDirectories)      // photos/&lt;class>/&lt;name>.jpg
    ///         .Select(path => new { ImagePath = path, Label = new FileInfo(path).Directory!.Name }));
    /// var rows = mlContext.Transforms.Conversion.MapValueToKey("Label")
    ///     .Append(mlContext.Transforms.LoadImages("Image", imageFolder: "", "ImagePath"))
    ///     .Fit(photos).Transform(photos);
    ///
    /// using var embedding = SlaEmbeddingTransformer.Load(mlContext, "embedding.zip");
    /// using var classifier = mlContext.MulticlassClassification.Trainers.PrototypeClassifier(embedding)
    ///     .Fit(embedding.Transform(rows));
    /// Console.WriteLine(string.Join(", ", classifier.ClassNames));
    /// </code>
    /// </example>
    public static PrototypeClassifier PrototypeClassifier(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        SlaEmbeddingTransformer embedding,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel")
    {
        ArgumentNullException.ThrowIfNull(embedding);
        return catalog.PrototypeClassifier(new PrototypeClassifier.Options
        {
            LabelColumnName = labelColumnName,
            EmbeddingColumnName = embedding.EmbeddingColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            Views = embedding.Views,
            Similarity = embedding.Similarity,
            Scale = embedding.Scale,
        });
    }

    /// <summary>Creates a classifier by nearest prototypes on any column of float vectors.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The classifier, an estimator.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value; the message names it.</exception>
    /// <inheritdoc cref="PrototypeClassifier(MulticlassClassificationCatalog.MulticlassClassificationTrainers, SlaEmbeddingTransformer, string, string, string)" path="/example"/>
    public static PrototypeClassifier PrototypeClassifier(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PrototypeClassifier.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new PrototypeClassifier(MLNetInternals.EnvironmentOf(catalog), options);
    }

    /// <summary>
    /// Measures an embedding on episodes. An episode draws N classes, makes the prototypes of each from S of its images, and classifies Q
    /// other images. Each image is embedded once, regardless of the number of episodes.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">Images and labels of classes that the embedding was not trained on. Each class needs S + Q images.</param>
    /// <param name="embedding">The embedding.</param>
    /// <param name="ways">N, above 1.</param>
    /// <param name="shots">S, above 0.</param>
    /// <param name="queries">Q, above 0.</param>
    /// <param name="episodes">Number of episodes, 2 or more.</param>
    /// <param name="seed">Seed of the episodes. The same seed and labels give the same episodes for every embedding.</param>
    /// <param name="labelColumnName">Name of the label column, a key.</param>
    /// <returns>The mean accuracies with their 95% confidence intervals.</returns>
    /// <exception cref="ArgumentException">A column is missing or has the wrong type, or a number is too small.</exception>
    /// <exception cref="InvalidOperationException">There are too few classes, or a class has too few images; the message names it.</exception>
    public static FewShotMetrics EvaluateFewShot(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        SlaEmbeddingTransformer embedding,
        int ways = 5,
        int shots = 1,
        int queries = 15,
        int episodes = 600,
        int seed = 1,
        string labelColumnName = "Label") =>
        catalog.EvaluateFewShot(data, embedding, [(ways, shots)], queries, episodes, seed, labelColumnName)[0];

    /// <summary>Measures an embedding on episodes of several sizes, with one pass over the images.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">Images and labels of classes that the embedding was not trained on.</param>
    /// <param name="embedding">The embedding.</param>
    /// <param name="sizes">N and S of each size.</param>
    /// <param name="queries">Q, above 0.</param>
    /// <param name="episodes">Number of episodes of each size, 2 or more.</param>
    /// <param name="seed">Seed of the episodes.</param>
    /// <param name="labelColumnName">Name of the label column, a key.</param>
    /// <returns>The mean accuracies of each size with their 95% confidence intervals.</returns>
    /// <inheritdoc cref="EvaluateFewShot(MulticlassClassificationCatalog, IDataView, SlaEmbeddingTransformer, int, int, int, int, int, string)" path="/exception"/>
    public static IReadOnlyList<FewShotMetrics> EvaluateFewShot(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        SlaEmbeddingTransformer embedding,
        IReadOnlyList<(int Ways, int Shots)> sizes,
        int queries = 15,
        int episodes = 600,
        int seed = 1,
        string labelColumnName = "Label")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(sizes);
        ArgumentNullException.ThrowIfNull(labelColumnName);
        ArgumentOutOfRangeException.ThrowIfLessThan(queries, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(episodes, 2);
        foreach (var (ways, shots) in sizes)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(ways, 2);
            ArgumentOutOfRangeException.ThrowIfLessThan(shots, 1);
        }

        InputColumns.CheckLabel(MLNetInternals.ShapeOf(data.Schema), labelColumnName, nameof(labelColumnName));
        var rows = EmbeddedRows.ReadLabelled(embedding.Transform(data), labelColumnName, embedding.EmbeddingColumnName, embedding.Views);
        var names = ClassLabels.Of(data.Schema[labelColumnName]).Names;
        EpisodeShape[] shapes = [.. sizes.Select(size => new EpisodeShape(size.Ways, size.Shots, queries))];
        foreach (var shape in shapes)
            shape.Check(rows.Select(row => row.Label), names);

        var evaluator = new EpisodeEvaluator(rows, embedding.Views, embedding.Similarity);
        return [.. shapes.Select(shape => evaluator.Measure(shape, episodes, seed))];
    }
}
