using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Classification;

/// <summary>Compares objectives on the embeddings of some images. The best one depends on the images, and training heads takes seconds.</summary>
/// <param name="plan">The plan of the training.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenComparison(ClassifierPlan plan, IChannel channel)
{
    /// <summary>Smallest number of images to compare on.</summary>
    private const int Images = 400;

    /// <summary>Smallest number of images of a class, on average.</summary>
    private const int ImagesOfClass = 10;

    /// <summary>Finds the objective with the lowest log-loss over folds.</summary>
    /// <param name="weights">The weights of the backbone.</param>
    /// <returns>The plan with this objective.</returns>
    public ClassifierPlan Best(Weights weights)
    {
        var pilot = Pilot();
        var candidates = Candidates().ToList();
        var embedded = Embed(candidates[^1], pilot, weights);
        var ranked = candidates.Select(candidate => (Plan: candidate, Scores: Measure(candidate, embedded))).OrderBy(candidate => candidate.Scores.Loss).ToList();
        foreach (var (candidate, scores) in ranked)
        {
            TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"{Name(candidate)}: log-loss {scores.Loss:F4}, accuracy {scores.Accuracy:P1} over folds of {pilot.Rows.Length} images"));
        }

        TrainerHost.Info(channel, $"{Name(ranked[0].Plan)} has the lowest log-loss and is trained");
        return ranked[0].Plan;
    }

    /// <summary>Some images, of each class in proportion.</summary>
    private RowSelection Pilot()
    {
        var rows = plan.Rows.Training;
        int classes = rows.Rows.Select(rows.Store.Label).Distinct().Count();
        return (rows with { Rows = [.. rows.Rows.OrderBy(rows.Store.Label)] }).Spread(Math.Max(Images, ImagesOfClass * classes));
    }

    /// <summary>The objectives, the last with all views.</summary>
    private IEnumerable<ClassifierPlan> Candidates()
    {
        var set = plan.Options.Transformations;
        yield return With(SlaObjective.Baseline, set, SlaInference.Single);
        if (set.Count == 1)
            yield break;
        yield return With(SlaObjective.DataAugmentation, set, SlaInference.Aggregated);
        yield return With(SlaObjective.Sla, set, SlaInference.Aggregated);
        yield return With(SlaObjective.SlaSelfDistillation, set, SlaInference.Distilled);
    }

    private ClassifierPlan With(SlaObjective objective, TransformationSet transformations, SlaInference inference) => plan.With(options =>
    {
        options.Objective = objective;
        options.Transformations = transformations;
        options.Inference = inference;
    });

    /// <summary>Embeds the images once for all objectives: each takes the first views, as many as it has.</summary>
    private EmbeddedImages Embed(ClassifierPlan candidate, RowSelection pilot, Weights weights)
    {
        using var run = new EmbeddingRun(candidate.Host, channel, candidate.Description, weights, candidate.Options);
        return new FrozenTraining(candidate, channel).Standardized(run.Embed(pilot, [null]), pilot.Rows.Length, weights);
    }

    private RowScores Measure(ClassifierPlan candidate, EmbeddedImages embedded)
    {
        var ofViews = embedded with { Views = candidate.Description.Transformations.Count };
        return new FrozenTraining(candidate, channel).NewHeads(FrozenSplits.ByFolds(ofViews, ofViews.Count, candidate.Host.Seed), _ => { }).Measure();
    }

    private static string Name(ClassifierPlan candidate) =>
        $"{candidate.Description.Objective} ({candidate.Description.Transformations.Name}, {candidate.Inference})";
}
