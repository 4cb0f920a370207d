using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;

namespace Microsoft.ML.Sla.Classification;

/// <summary>
/// Compares objectives on the embeddings of some images. The best one depends on the images, and training heads takes seconds. The views of
/// the chosen one take most of the time of the training, so an objective with more views must be better by more than the noise.
/// </summary>
/// <param name="plan">The plan of the training.</param>
/// <param name="channel">The log.</param>
internal sealed class FrozenComparison(ClassifierPlan plan, IChannel channel)
{
    /// <summary>Smallest number of images to compare on.</summary>
    private const int Images = 400;

    /// <summary>Smallest number of images of a class, on average.</summary>
    private const int ImagesOfClass = 10;

    /// <summary>Number of principal axes of the embeddings. The order of the objectives needs fewer than the best heads.</summary>
    private const int MostAxes = 512;

    /// <summary>Chooses the objective by the log-loss over folds.</summary>
    /// <param name="weights">The weights of the backbone.</param>
    /// <returns>The plan with this objective.</returns>
    public ClassifierPlan Best(Weights weights)
    {
        var pilot = Pilot();
        var measured = TransformationSets().SelectMany(set => plan.Host.Compute(() => Measure(set, pilot, weights))).ToList();
        int chosen = Choose([.. measured.Select(candidate => (candidate.Views, candidate.Scores.Losses))]);
        ComparedObjective[] compared = [.. measured.Select(candidate => candidate.Compared)];
        foreach (var objective in compared)
        {
            TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"{objective}: log-loss {objective.LogLoss:F4}, accuracy {objective.Accuracy:P1} over folds of {pilot.Rows.Length} images"));
        }

        TrainerHost.Info(channel, $"{compared[chosen]} is trained");
        var comparison = new ObjectiveComparison { Images = pilot.Rows.Length, Objectives = compared, Chosen = compared[chosen] };
        plan.Options.Notify(observer => observer.OnComparison(comparison));
        return measured[chosen].Plan;
    }

    /// <summary>
    /// Chooses the candidate with the fewest views among those whose loss is within one standard error of the lowest (Breiman et al.,
    /// Classification and Regression Trees, 1984, section 3.4.3). The error is that of the difference on the same images.
    /// </summary>
    /// <param name="candidates">Number of views of each candidate, and its losses of the same images.</param>
    /// <returns>The index of the candidate.</returns>
    internal static int Choose(IReadOnlyList<(int Views, float[] Losses)> candidates)
    {
        double[] means = [.. candidates.Select(candidate => candidate.Losses.Average(loss => (double)loss))];
        float[] lowest = candidates[Array.IndexOf(means, means.Min())].Losses;
        return Enumerable.Range(0, candidates.Count).Where(IsAsGood).OrderBy(i => candidates[i].Views).ThenBy(i => means[i]).First();

        bool IsAsGood(int i)
        {
            double[] differences = [.. candidates[i].Losses.Zip(lowest, (loss, best) => (double)loss - best)];
            double mean = differences.Average();
            double variance = differences.Sum(difference => (difference - mean) * (difference - mean)) / Math.Max(1, differences.Length - 1);
            return mean <= Math.Sqrt(variance / differences.Length);
        }
    }

    /// <summary>Some images, of each class in proportion.</summary>
    private RowSelection Pilot()
    {
        var rows = plan.Rows.Training;
        int classes = rows.Labels.Distinct().Count();
        return (rows with { Rows = [.. rows.Rows.OrderBy(rows.Store.Label)] }).Spread(Math.Max(Images, ImagesOfClass * classes));
    }

    /// <summary>The option's set, and mirror images if they keep the class.</summary>
    private IEnumerable<TransformationSet> TransformationSets()
    {
        yield return plan.Options.Transformations;
        if (plan.MirrorsImages && plan.Options.Transformations.Name != TransformationSet.HorizontalFlip.Name)
            yield return TransformationSet.HorizontalFlip;
    }

    /// <summary>Measures the objectives on a set. It embeds the images once for all of them.</summary>
    private List<Candidate> Measure(TransformationSet set, RowSelection pilot, Weights weights)
    {
        var candidates = Candidates(set).ToList();
        var all = candidates[^1];
        using var run = new EmbeddingRun(all.Host, channel, all.Description, weights, all.Options);
        var training = new FrozenTraining(all, channel);
        using var embedded = FrozenSplits.ByFolds(pilot.Labels, forms: 1, all.Host.Seed, training.NewStore);
        run.Embed(pilot, [null], embedded.Store, embedded.Places);
        training.Standardize(embedded, weights);
        training.Axes(embedded, MostAxes).Project(embedded.Store);
        return [.. candidates.Select(candidate => new Candidate(candidate, Measure(candidate, embedded)))];
    }

    /// <summary>The objectives on a set, the last with all its views.</summary>
    private IEnumerable<ClassifierPlan> Candidates(TransformationSet set)
    {
        if (set == plan.Options.Transformations)
            yield return With(SlaObjective.Baseline, set, SlaInference.Single);
        if (set.Count == 1)
            yield break;
        yield return With(SlaObjective.DataAugmentation, set, SlaInference.Aggregated);
        yield return With(SlaObjective.Sla, set, SlaInference.Aggregated);
        yield return With(SlaObjective.SlaSelfDistillation, set, SlaInference.Distilled);
    }

    private ClassifierPlan With(SlaObjective objective, TransformationSet transformations, SlaInference inference) => plan.With(options =>
    {
        // Mirror images are a candidate of their own.
        options.Augmentations = [.. options.Augmentations.Where(augmentation => augmentation is not Augmentation.HorizontalFlip)];
        options.Objective = objective;
        options.Transformations = transformations;
        options.Inference = inference;
    });

    /// <summary>Measures a candidate over folds. It takes the first views of the embedded images, as many as it has.</summary>
    private RowScores Measure(ClassifierPlan candidate, FrozenSplits embedded)
    {
        int views = candidate.Description.Transformations.Count;
        var splits = embedded.Splits.Select(split => (split.Training.WithViews(views), split.Validation.WithViews(views)));
        return new FrozenTraining(candidate, channel).NewHeads([.. splits], _ => { }).Measure();
    }

    /// <summary>An objective with its scores of the pilot's images.</summary>
    /// <param name="Plan">The plan of its training.</param>
    /// <param name="Scores">The scores, in the same order of images for all candidates.</param>
    private sealed record Candidate(ClassifierPlan Plan, RowScores Scores)
    {
        /// <summary>Number of passes that an image takes through the backbone.</summary>
        public int Views => Plan.Description.Transformations.Count;

        public ComparedObjective Compared => new()
        {
            Objective = $"{Plan.Description.Objective}",
            Transformations = Plan.Description.Transformations,
            Inference = $"{Plan.Inference}",
            LogLoss = Scores.Loss,
            Accuracy = Scores.Accuracy,
        };
    }
}
