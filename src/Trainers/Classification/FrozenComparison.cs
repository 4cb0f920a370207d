using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Classification;

/// <summary>Compares objectives on the embeddings of some images: which is best depends on the images, and a head costs seconds.</summary>
/// <param name="plan">The training.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenComparison(ClassifierPlan plan, IChannel channel)
{
    /// <summary>Images that are compared on, at the least.</summary>
    private const int Images = 400;

    /// <summary>And for each class.</summary>
    private const int ImagesOfClass = 10;

    /// <summary>The plan with the objective whose log-loss over folds is lowest.</summary>
    /// <param name="weights">The weights of the backbone.</param>
    public ClassifierPlan Best(Weights weights)
    {
        var pilot = Pilot();
        var ranked = Candidates().Select(candidate => (Plan: candidate, Scores: Measure(candidate, pilot, weights))).OrderBy(candidate => candidate.Scores.Loss).ToList();
        foreach (var (candidate, scores) in ranked)
        {
            TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"{Name(candidate)}: log-loss {scores.Loss:F4}, accuracy {scores.Accuracy:P1} over folds of {pilot.Rows.Length} images"));
        }

        TrainerHost.Info(channel, $"{Name(ranked[0].Plan)} was chosen, as its log-loss is the lowest");
        return ranked[0].Plan;
    }

    /// <summary>Some images of every class, as they are distributed.</summary>
    private RowSelection Pilot()
    {
        var rows = plan.Rows.Training;
        int wanted = Math.Max(Images, ImagesOfClass * rows.Rows.Select(rows.Store.Label).Distinct().Count());
        return rows with { Rows = [.. rows.Rows.OrderBy(rows.Store.Label).ToArray().Index().Where(row => Kept(row.Index)).Select(row => row.Item)] };

        bool Kept(int index) => (long)(index + 1) * Math.Min(wanted, rows.Rows.Length) / rows.Rows.Length > (long)index * Math.Min(wanted, rows.Rows.Length) / rows.Rows.Length;
    }

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

    private RowScores Measure(ClassifierPlan candidate, RowSelection pilot, Weights weights)
    {
        using var run = new EmbeddingRun(candidate.Host, channel, candidate.Description, weights, candidate.Options);
        var training = new FrozenTraining(candidate, channel);
        var embedded = training.Standardized(run.Embed(pilot, [null]), pilot.Rows.Length, weights);
        return training.NewHeads(FrozenSplits.ByFolds(embedded, pilot.Rows.Length, candidate.Host.Seed), _ => { }).Measure();
    }

    private static string Name(ClassifierPlan candidate) =>
        $"{candidate.Description.Objective} ({candidate.Description.Transformations.Name}, {candidate.Inference})";
}
