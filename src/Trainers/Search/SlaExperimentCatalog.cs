using Microsoft.ML.Sla;

namespace Microsoft.ML;

/// <summary>Makes experiments from <c>mlContext.MulticlassClassification</c>.</summary>
public static class SlaExperimentCatalog
{
    /// <summary>
    /// Creates an experiment, which finds the transformations, objective, network and settings that suit the images, within a time or a
    /// number of trials.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">The options.</param>
    /// <returns>The experiment.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value, or is one that the experiment sets itself.</exception>
    /// <inheritdoc cref="CreateSlaExperiment(MulticlassClassificationCatalog, Action{SlaTrainer.Options})" path="/example"/>
    public static SlaExperiment CreateSlaExperiment(this MulticlassClassificationCatalog catalog, SlaExperiment.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return new SlaExperiment(MLNetInternals.EnvironmentOf(catalog.Trainers), options);
    }

    /// <summary>Creates an experiment in which all trials share some options of the trainer.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="configure">Sets the options that all trials share, such as columns, size and channels. Default null: the trainer's defaults.</param>
    /// <returns>The experiment.</returns>
    /// <exception cref="ArgumentException">An option has an invalid value, or is one that the experiment sets itself.</exception>
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
    /// using var found = mlContext.MulticlassClassification
    ///     .CreateSlaExperiment(options =>
    ///     {
    ///         options.FeatureColumnName = "Image";
    ///         options.ImageWidth = 32;
    ///         options.ImageHeight = 32;
    ///     })
    ///     .SetDataset(rows, validationFraction: 0.2f)
    ///     .SetTrainingTimeInSeconds(600)
    ///     .Run();
    /// Console.WriteLine($"{found.Best}: {found.Best.Last?.Accuracy:P1}");
    /// mlContext.Model.Save(found.Model, rows.Schema, "model.zip");
    /// </code>
    /// </example>
    public static SlaExperiment CreateSlaExperiment(this MulticlassClassificationCatalog catalog, Action<SlaTrainer.Options>? configure = null)
    {
        var options = new SlaExperiment.Options();
        configure?.Invoke(options.Trainer);
        return catalog.CreateSlaExperiment(options);
    }
}
