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
    /// <summary>Number of folds that the penalty is chosen by where there are no validation rows.</summary>
    private const int Folds = 5;

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
        var weights = plan.BackboneWeights();
        var (training, validation) = Embed(weights);
        var (scale, shift) = HasPlaceForStandardization(weights) ? Standardization(training) : Unchanged(training.Size);
        var splits = Splits(training.Transformed(scale, shift), validation?.Transformed(scale, shift));
        var settings = HeadSettings.Of(
            plan.Description.Objective, plan.Objective, plan.Description.ObjectiveSettings, plan.Description.Labels.Count, plan.Inference, plan.Host.Seed);
        var heads = new FrozenHeads(settings, splits.Measured, message => TrainerHost.Info(channel, message), plan.Host.CheckCancellation);
        var (ofHeads, scores) = heads.Train(splits.All);

        foreach (var (name, shape, values) in ofHeads)
            weights[name] = (shape, values);
        SetStandardization(weights, scale, shift);
        return new TrainedModel(plan.Description with { History = History(scores) }, weights);
    });

    private int TrainingImages => plan.Rows.Training.Rows.Length;

    private (EmbeddedImages Training, EmbeddedImages? Validation) Embed(Weights weights)
    {
        using var run = new EmbeddingRun(plan.Host, channel, plan.Description, weights, plan.Options.CheckpointFolder);
        var training = run.Embed(plan.Rows.Training, Draws());
        return (training, plan.Rows.Validation is null ? null : run.Embed(plan.Rows.Validation, [null]));
    }

    /// <summary>The untransformed image, and its mirror image where the base augmentation mirrors.</summary>
    private int[]?[] Draws() => plan.Options.Augmentations.Any(augmentation => augmentation is Augmentation.HorizontalFlip)
        ? [null, TransformationSet.HorizontalFlip[1].GetPermutation(plan.Description.Features.Shape)]
        : [null];

    /// <summary>Whether embeddings can be standardised in the model: at the end of its backbone, or in linear heads.</summary>
    private bool HasPlaceForStandardization(Weights weights) => weights.Contains(ScaleName) || plan.Objective.Heads.All(head => head.CosineScale is null);

    private static (float[] Scale, float[] Shift) Unchanged(int size) => ([.. Enumerable.Repeat(1f, size)], new float[size]);

    private (float[] Scale, float[] Shift) Standardization(EmbeddedImages training)
    {
        var (mean, deviation) = training.Select([.. Enumerable.Range(0, TrainingImages)]).Statistics();
        float[] scale = Array.ConvertAll(deviation, value => value < SmallestDeviation ? 1 : (float)(1 / value));
        return (scale, [.. mean.Zip(scale, (value, factor) => (float)(-value * factor))]);
    }

    /// <summary>The images that the model is trained on, and the parts that the penalty is chosen by.</summary>
    private (EmbeddedImages All, IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> Measured) Splits(EmbeddedImages training, EmbeddedImages? validation)
    {
        if (validation is not null)
            return (training, [(training, validation)]);

        int[] foldOf = FoldOfImages();
        return (training, [.. Enumerable.Range(0, Folds).Select(fold => (
            training.Select([.. Enumerable.Range(0, training.Count).Where(image => foldOf[image % TrainingImages] != fold)]),
            training.Select([.. Enumerable.Range(0, TrainingImages).Where(image => foldOf[image] == fold)])))]);
    }

    /// <summary>The fold of each image: those of a class go to all folds alike.</summary>
    private int[] FoldOfImages()
    {
        int[] folds = new int[TrainingImages];
        var random = new Random(plan.Host.Seed);
        int next = 0;
        foreach (var ofClass in Enumerable.Range(0, TrainingImages).GroupBy(image => plan.Rows.Training.Store.Label(plan.Rows.Training.Rows[image])).OrderBy(group => group.Key))
        {
            int[] images = [.. ofClass];
            random.Shuffle(images);
            foreach (int image in images)
                folds[image] = next++ % Folds;
        }

        return folds;
    }

    /// <summary>Puts the standardisation into the backbone's end, or into the heads of a backbone without a place for it.</summary>
    private void SetStandardization(Weights weights, float[] scale, float[] shift)
    {
        if (weights.Contains(ScaleName))
        {
            weights[ScaleName] = ([scale.Length], scale);
            weights[ShiftName] = ([shift.Length], shift);
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
