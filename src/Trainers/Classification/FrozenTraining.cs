using System.Diagnostics;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Scoring;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Classification;

/// <summary>The training of heads on a backbone that stays: the embeddings of all views are computed once.</summary>
/// <param name="plan">What the training is.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenTraining(ClassifierPlan plan, IChannel channel)
{
    /// <summary>A deviation below this is that of a value which is always the same.</summary>
    private const double SmallestDeviation = 1e-6;

    private static readonly string ScaleName = $"{SlaNetwork.BackboneName}.{OnnxNetwork.ScaleName}";
    private static readonly string ShiftName = $"{SlaNetwork.BackboneName}.{OnnxNetwork.ShiftName}";

    /// <summary>Embeds the images, and trains the heads to their optimum.</summary>
    /// <exception cref="InvalidOperationException">There is too little memory.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled; embeddings are kept where there is a checkpoint folder.</exception>
    public TrainedModel Train() => plan.Host.Compute(() =>
    {
        TrainerHost.Info(channel, plan.ToString());
        plan.Options.Notify(observer => observer.OnStart(plan.Started() with { Epochs = 1, Steps = 1, CheckpointPath = plan.Options.CheckpointFolder ?? "" }));
        var weights = plan.BackboneWeights();
        var (training, validation) = Embed(weights);
        var (scale, shift) = Standardization(training, TrainingImages, weights);
        var all = training.Transformed(scale, shift);
        var splits = validation is null
            ? FrozenSplits.ByFolds(all, TrainingImages, plan.Host.Seed)
            : [(all, validation.Transformed(scale, shift))];
        var (ofHeads, scores) = NewHeads(splits, message => TrainerHost.Info(channel, message)).Train(all);

        foreach (var (name, shape, values) in ofHeads)
            weights[name] = (shape, values);
        SetStandardization(weights, scale, shift);
        var history = History(scores);
        plan.Options.Notify(observer => observer.OnEnd(history));
        return new TrainedModel(plan.Description with { History = history }, weights);
    });

    /// <summary>How long views take to go through the network, without images.</summary>
    /// <param name="time">How long it is measured after the first batch, which warms up.</param>
    /// <returns>The time of a batch, and the number of views in it.</returns>
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

    /// <summary>What trains and measures the heads.</summary>
    /// <param name="splits">The images that the penalty is chosen by.</param>
    /// <param name="log">Receives what was chosen.</param>
    public FrozenHeads NewHeads(IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> splits, Action<string> log)
    {
        var settings = HeadSettings.Of(
            plan.Description.Objective, plan.Objective, plan.Description.ObjectiveSettings, plan.Description.Labels.Count, plan.Inference, plan.Host.Seed);
        return new FrozenHeads(settings, splits, log, plan.Host.CheckCancellation);
    }

    /// <summary>
    /// The untransformed image, and its mirror image where the base augmentation mirrors and there is one view: several views show more of an image
    /// than its mirror image adds, and each costs a pass.
    /// </summary>
    private int[]?[] Draws() => plan.Description.Transformations.Count == 1 && plan.Options.Augmentations.Any(augmentation => augmentation is Augmentation.HorizontalFlip)
        ? [null, TransformationSet.HorizontalFlip[1].GetPermutation(plan.Description.Features.Shape)]
        : [null];

    /// <summary>Embeddings standardised by the images' first form.</summary>
    public EmbeddedImages Standardized(EmbeddedImages embedded, int images, Weights weights)
    {
        var (scale, shift) = Standardization(embedded, images, weights);
        return embedded.Transformed(scale, shift);
    }

    private int TrainingImages => plan.Rows.Training.Rows.Length;

    private (EmbeddedImages Training, EmbeddedImages? Validation) Embed(Weights weights)
    {
        using var run = new EmbeddingRun(plan.Host, channel, plan.Description, weights, plan.Options);
        var training = run.Embed(plan.Rows.Training, Draws());
        return (training, plan.Rows.Validation is null ? null : run.Embed(plan.Rows.Validation, [null]));
    }

    /// <summary>Whether embeddings can be standardised in the model: at the end of its backbone, or in linear heads.</summary>
    private bool HasPlaceForStandardization(Weights weights) => weights.Contains(ScaleName) || plan.Objective.Heads.All(head => head.CosineScale is null);

    private (float[] Scale, float[] Shift) Standardization(EmbeddedImages embedded, int images, Weights weights)
    {
        if (!HasPlaceForStandardization(weights))
            return ([.. Enumerable.Repeat(1f, embedded.Size)], new float[embedded.Size]);
        var (mean, deviation) = embedded.Select([.. Enumerable.Range(0, images)]).Statistics();
        float[] scale = Array.ConvertAll(deviation, value => value < SmallestDeviation ? 1 : (float)(1 / value));
        return (scale, [.. mean.Zip(scale, (value, factor) => (float)(-value * factor))]);
    }

    /// <summary>Puts the standardisation into the backbone's end, or into the heads of a backbone without a place for it.</summary>
    private void SetStandardization(Weights weights, float[] scale, float[] shift)
    {
        if (weights.Contains(ScaleName))
        {
            // The embeddings were made with the standardisation that a model to start from has already.
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

    private TrainingHistory History(RowScores scores) => new(
        plan.Host.Seed,
        TrainingImages,
        plan.Rows.Validation?.Rows.Length ?? 0,
        plan.Rows.Unreadable,
        [new EpochMetrics(Epoch: 1, Step: 1, scores.Loss, LearningRate: 0, scores.Accuracy, scores.Loss)],
        BestEpoch: null,
        StoppedEarly: false);
}
