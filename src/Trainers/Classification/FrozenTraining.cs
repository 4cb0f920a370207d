using System.Diagnostics;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Classification;

/// <summary>Trains heads on a frozen backbone. It computes the embeddings of all views once.</summary>
/// <param name="plan">The plan of the training.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenTraining(ClassifierPlan plan, IChannel channel)
{
    /// <summary>Number of principal axes that the heads are trained on. More take more time, and were not found to be better.</summary>
    private const int MostAxes = 1024;

    /// <summary>Share of <see cref="SlaTrainer.Options.TrainingTime"/> that is kept for the heads.</summary>
    private const double ShareOfHeads = 0.2;

    /// <summary>Training images for each class that are embedded whatever time it takes.</summary>
    private const int FewestOfClass = 10;

    private static readonly string ScaleName = $"{SlaNetwork.BackboneName}.{OnnxNetwork.ScaleName}";
    private static readonly string ShiftName = $"{SlaNetwork.BackboneName}.{OnnxNetwork.ShiftName}";

    /// <summary>Embeds the images, and trains the heads to their optimum.</summary>
    /// <exception cref="InvalidOperationException">Memory runs out, or the backbone makes infinite or NaN values.</exception>
    /// <exception cref="IOException">The embeddings need a file, and its folder or disk does not take it.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled. The checkpoint folder, if there is one, keeps the embeddings.</exception>
    public TrainedModel Train() => TrainAndScore().Model;

    /// <summary>Trains as <see cref="Train"/> does, and scores the validation rows or, without any, the training rows over folds.</summary>
    /// <inheritdoc cref="Train"/>
    public (TrainedModel Model, RowScores Scores) TrainAndScore() => plan.Host.Compute(() =>
    {
        TrainerHost.Info(channel, plan.ToString());
        plan.Options.Notify(observer => observer.OnStart(plan.Started() with { Epochs = 1, Steps = 1, CheckpointPath = plan.Options.CheckpointFolder ?? "" }));
        var weights = plan.BackboneWeights();

        // A training by time may end before the last row.
        var rows = plan.Clock is null ? plan.Rows.Training : plan.Rows.Training.Interleaved();
        using var all = NewSplits(rows);
        TrainerHost.Info(channel, $"{all.Store}");
        int images = Embed(rows, all, weights);
        var embedded = all.First(images);
        var standardization = Standardize(embedded, weights);
        var axes = Axes(embedded, MostAxes);
        axes.Project(embedded.Store);
        var (ofHeads, scores, calibrations) = NewHeads(embedded.Splits, message => TrainerHost.Info(channel, message)).Train(embedded.Training);

        foreach (var (name, shape, values) in ofHeads)
            weights[name] = shape is [var outputs, _] ? ([outputs, standardization.Scale.Length], axes.Back(values)) : (shape, values);
        SetStandardization(weights, standardization);
        var history = History(scores, images);
        plan.Options.Notify(observer => observer.OnEnd(history));
        return (new TrainedModel(plan.Description with { History = history, Calibrations = plan.Options.Calibration ? calibrations : null }, weights), scores);
    });

    /// <summary>Measures the time that a batch of views takes in the network.</summary>
    /// <param name="time">How long to measure, after a first batch that warms up.</param>
    /// <returns>The time of a batch, and its number of views.</returns>
    public (TimeSpan Batch, int Views) MeasureBatch(TimeSpan time)
    {
        using var extractor = new EmbeddingExtractor(plan.Description, plan.BackboneWeights(), plan.Host.Threads);
        float[] pixels = new float[EmbeddingRun.BatchSize * plan.Description.Features.Shape.Length];
        extractor.Embed(pixels, EmbeddingRun.BatchSize);
        var clock = Stopwatch.StartNew();
        int batches = 0;
        for (; batches == 0 || clock.Elapsed < time; batches++)
        {
            plan.Host.CheckCancellation();
            extractor.Embed(pixels, EmbeddingRun.BatchSize);
        }

        return (clock.Elapsed / batches, EmbeddingRun.BatchSize);
    }

    /// <summary>Makes the object that trains and measures the heads.</summary>
    /// <param name="splits">The images that choose the penalty.</param>
    /// <param name="log">Receives the chosen penalties.</param>
    public FrozenHeads NewHeads(IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> splits, Action<string> log)
    {
        var settings = HeadSettings.Of(
            plan.Description.Objective, plan.Objective, plan.Description.ObjectiveSettings, plan.Description.Labels.Count, plan.Inference, plan.Host.Seed);
        return new FrozenHeads(settings, splits, log, plan.Host.CheckCancellation) { HasTime = () => plan.Clock?.HasLeft(ShareOfHeads / 2) != false };
    }

    /// <summary>
    /// The forms in which an image is embedded: untransformed, and mirrored if the base augmentation mirrors and there is a single view. With several
    /// views a mirror image adds little, and costs as many passes again.
    /// </summary>
    private int[]?[] Draws() => plan.Description.Transformations.Count == 1 && plan.MirrorsImages
        ? [null, TransformationSet.HorizontalFlip[1].GetPermutation(plan.Description.Features.Shape)]
        : [null];

    /// <summary>
    /// The coordinates in which heads are trained: principal axes where an embedding has more values, and its own where it has not or where heads
    /// are normalised.
    /// </summary>
    /// <param name="embedded">The standardised embeddings.</param>
    /// <param name="most">Largest number of principal axes.</param>
    public PrincipalAxes Axes(FrozenSplits embedded, int most) =>
        embedded.Store.Size > most && plan.Objective.Heads.All(head => head.CosineScale is null) ? PrincipalAxes.Of(embedded.Training, most) : PrincipalAxes.None;

    /// <summary>Standardises embeddings by the mean and deviation of the untransformed training images.</summary>
    public Standardization Standardize(FrozenSplits embedded, Weights weights)
    {
        var standardization = HasPlaceForStandardization(weights) ? Standardization.Of(embedded.Untransformed) : Standardization.None(embedded.Store.Size);
        standardization.Apply(embedded.Store);
        return standardization;
    }

    /// <summary>Makes a store for the embeddings of images.</summary>
    /// <param name="labels">The class of each image.</param>
    /// <exception cref="IOException">The embeddings need a file, and its folder or disk does not take it.</exception>
    public EmbeddingStore NewStore(int[] labels) => EmbeddingStore.Of(plan.Description, labels, plan.Options);

    private FrozenSplits NewSplits(RowSelection rows)
    {
        int forms = Draws().Length;
        return plan.Rows.Validation is { } validation
            ? FrozenSplits.WithValidation(rows.Labels, forms, validation.Labels, NewStore)
            : FrozenSplits.ByFolds(rows.Labels, forms, plan.Host.Seed, NewStore);
    }

    /// <summary>Embeds the validation rows, and then as many of the training rows as there is time for.</summary>
    /// <returns>Number of the training rows that were embedded, the first ones.</returns>
    private int Embed(RowSelection rows, FrozenSplits embedded, Weights weights)
    {
        using var run = new EmbeddingRun(plan.Host, channel, plan.Description, weights, plan.Options);
        int training = embedded.Training.Count;
        if (plan.Rows.Validation is { } validation)
            run.Embed(validation, [null], embedded.Store, embedded.Places[training..]);
        int all = rows.Rows.Length, fewest = Math.Min(all, FewestOfClass * plan.Description.Labels.Count);
        int images = run.Embed(rows, Draws(), embedded.Store, embedded.Places[..training], done => done < fewest || plan.Clock?.HasLeft(ShareOfHeads) != false);
        if (images < all)
        {
            TrainerHost.Warn(channel, $"The time was enough for {images} of the {all} training images. Raise TrainingTime, which is {plan.Options.TrainingTime}, "
                + "or take fewer views or smaller images.");
        }

        return images;
    }

    /// <summary>Whether the model can standardise embeddings: at the end of its backbone, or in linear heads.</summary>
    private bool HasPlaceForStandardization(Weights weights) => weights.Contains(ScaleName) || plan.Objective.Heads.All(head => head.CosineScale is null);

    /// <summary>Writes the standardisation to the end of the backbone, or to the heads if the backbone has no place for it.</summary>
    private void SetStandardization(Weights weights, Standardization standardization)
    {
        var (scale, shift) = standardization;
        if (weights.Contains(ScaleName))
        {
            // An initial model standardises already, and the embeddings come from it.
            float[] first = weights[ScaleName].Values, firstShift = weights[ShiftName].Values;
            weights[ScaleName] = ([scale.Length], [.. first.Zip(scale, (before, after) => before * after)]);
            weights[ShiftName] = ([shift.Length], [.. firstShift.Zip(scale, (before, after) => before * after).Zip(shift, (scaled, term) => scaled + term)]);
            return;
        }

        foreach (var head in plan.Objective.Heads.Where(head => head.CosineScale is null))
        {
            string weightName = $"{SlaNetwork.HeadsName}.{Heads.WeightName(head.Head)}", biasName = $"{SlaNetwork.HeadsName}.{Heads.BiasName(head.Head)}";
            var (shape, values) = weights[weightName];
            float[] bias = weights[biasName].Values;
            for (int i = 0; i < values.Length; i++)
            {
                bias[i / scale.Length] += values[i] * shift[i % scale.Length];
                values[i] *= scale[i % scale.Length];
            }

            weights[weightName] = (shape, values);
            weights[biasName] = ([bias.Length], bias);
        }
    }

    private TrainingHistory History(RowScores scores, int images) => new()
    {
        Seed = plan.Host.Seed,
        Images = images,
        ValidationImages = plan.Rows.Validation?.Rows.Length ?? 0,
        UnreadableImages = plan.Rows.Unreadable,
        Epochs = [new EpochMetrics { Epoch = 1, Step = 1, Loss = scores.Loss, LearningRate = 0, ValidationAccuracy = scores.Accuracy, ValidationLoss = scores.Loss }],
    };
}
