using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training.Frozen;

/// <summary>Trains the heads of an objective on embeddings. It takes the penalty that is best on images outside of the training.</summary>
/// <param name="settings">The objective and how it scores.</param>
/// <param name="splits">The training and validation images: one pair, or one for each fold.</param>
/// <param name="log">Receives the chosen penalties.</param>
/// <param name="checkCancellation">Throws to stop the training.</param>
internal sealed class FrozenHeads(HeadSettings settings, IReadOnlyList<(EmbeddedImages Training, EmbeddedImages Validation)> splits, Action<string> log, Action checkCancellation)
{
    /// <summary>The penalties that are tried, each from the heads of the one before, until the loss rises.</summary>
    private static readonly double[] Penalties = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5];

    /// <summary>Factor to the penalties that are tried below and above the best of these.</summary>
    private static readonly double HalfStep = Math.Sqrt(10);

    /// <summary>
    /// Factor that is tried to the penalty on differences between views. It helps where views look alike, such as mirror images, and harms where
    /// they do not (docs/evidence/photos.md). Values of 10 to 100 gave about the same heads.
    /// </summary>
    private const double OnDifferences = 30;

    /// <summary>Relative decrease of the loss at which a solver stops while penalties are compared. More digits do not change the choice.</summary>
    private const double ComparedTolerance = 1e-4;

    /// <summary>The same for the resulting heads.</summary>
    private const double Tolerance = 1e-6;

    /// <summary>Says whether there is time to try another penalty. The first one is always tried.</summary>
    public Func<bool> HasTime { get; init; } = () => true;

    /// <summary>Chooses the penalty of each stage, and trains the heads with it.</summary>
    /// <param name="images">The training images of the result.</param>
    /// <returns>
    /// The weights of the heads by name, the scores of the validation images, and what these say about each inference. No image was scored by heads
    /// that were trained on it.
    /// </returns>
    public (Weights Weights, RowScores Scores, IReadOnlyList<Calibration> Calibrations) Train(EmbeddedImages images)
    {
        using var heads = NewHeads();
        var measured = splits.Select(_ => NewHeads()).ToList();
        try
        {
            RowScores? scores = null;
            foreach (var stage in settings.Stages)
            {
                var (penalty, scoresOfStage) = Choose(stage, measured);
                using var solver = NewSolver(stage, images);
                var (value, iterations) = solver.Solve(heads, stage.ParametersOf(heads), penalty, Tolerance, checkCancellation);

                // With folds the result has seen all images. With validation rows it has not, so they measure the result itself.
                if (splits.Count == 1)
                    scoresOfStage = Score(heads, stage.Readout, splits[0].Validation);
                if (stage == settings.ScoredStage)
                    scores = scoresOfStage;
                log(FormattableString.Invariant($"{stage.Name}: penalty {penalty}, validation accuracy {scoresOfStage.Accuracy:F4}, validation loss {scoresOfStage.Loss:F4}; {iterations} iterations to loss {value:F4}"));
            }

            return (Weights.Of(TensorsOf(heads, $"{SlaNetwork.HeadsName}.")), scores!, Calibrate(splits.Count == 1 ? [heads] : measured));
        }
        finally
        {
            foreach (var other in measured)
                other.Dispose();
        }
    }

    /// <summary>Scores the validation images of all splits, with the best penalty.</summary>
    public RowScores Measure()
    {
        var heads = splits.Select(_ => NewHeads()).ToList();
        try
        {
            RowScores? scores = null;
            foreach (var stage in settings.Stages)
            {
                var (_, ofStage) = Choose(stage, heads);
                if (stage == settings.ScoredStage)
                    scores = ofStage;
            }

            return scores!;
        }
        finally
        {
            foreach (var of in heads)
                of.Dispose();
        }
    }

    /// <summary>Finds the penalty with the lowest mean loss over the splits. Afterwards the heads of the splits are those of this penalty.</summary>
    private (HeadPenalty Penalty, RowScores Scores) Choose(HeadStage stage, List<Heads> heads)
    {
        var solvers = splits.Select(split => NewSolver(stage, split.Training)).ToList();
        try
        {
            (HeadPenalty Penalty, RowScores Scores, List<Weights> Heads)? best = null;
            string[] penalized = [.. HeadSolver.PenalizedWeights(stage.Objective).Where(stage.IsTrained)];
            foreach (double strength in penalized.Length > 0 ? Penalties : [0])
            {
                if (!Improves(new HeadPenalty(strength)))
                    break;
            }

            double coarse = best!.Value.Penalty.Strength;
            if (penalized.Length > 0)
                _ = Improves(new HeadPenalty(coarse / HalfStep)) || Improves(new HeadPenalty(coarse * HalfStep));
            if (penalized.Contains(Heads.WeightName(Head.Joint)))
            {
                // Heads with fewer differences bear a lower penalty on the rest.
                double strength = best.Value.Penalty.Strength;
                Improves(new HeadPenalty(strength, OnDifferences));
                while (strength / HalfStep >= Penalties[^1])
                {
                    strength /= HalfStep;
                    if (!Improves(new HeadPenalty(strength, OnDifferences)))
                        break;
                }
            }

            foreach (var (of, weights) in heads.Zip(best.Value.Heads))
                weights.CopyTo(TensorsOf(of));
            return (best.Value.Penalty, best.Value.Scores);

            bool Improves(HeadPenalty penalty)
            {
                if (best is not null && !HasTime())
                    return false;
                var scores = new List<RowScores>();
                for (int split = 0; split < solvers.Count; split++)
                {
                    solvers[split].Solve(heads[split], stage.ParametersOf(heads[split]), penalty, ComparedTolerance, checkCancellation);
                    scores.Add(Score(heads[split], stage.Readout, splits[split].Validation));
                }

                var all = Joined(scores);
                if (best is not null && !(all.Loss < best.Value.Scores.Loss))
                    return false;
                best = (penalty, all, [.. heads.Select(of => Weights.Of(TensorsOf(of)))]);
                return true;
            }
        }
        finally
        {
            foreach (var solver in solvers)
                solver.Dispose();
        }
    }

    /// <summary>Measures what the validation images of all splits say about each inference.</summary>
    /// <param name="heads">The heads of each split.</param>
    private IReadOnlyList<Calibration> Calibrate(IReadOnlyList<Heads> heads)
    {
        var scores = new HeldOutScores(settings.Objective);
        foreach (var (of, images) in heads.Zip(splits, (of, split) => (of, split.Validation)))
        {
            foreach (var piece in images.Pieces)
            {
                using Tensor embeddings = images.Store.Read(piece, scores.Views), labels = images.LabelsOf(piece);
                scores.Add(embeddings, of, labels);
            }
        }

        return scores.Calibrate();
    }

    private RowScores Score(Heads heads, Readout readout, EmbeddedImages images)
    {
        using var noGradient = no_grad();
        var (isRight, losses) = (new bool[images.Count], new float[images.Count]);
        int scored = 0;
        foreach (var piece in images.Pieces)
        {
            using var scope = NewDisposeScope();
            Tensor embeddings = images.Store.Read(piece, readout.AllViews ? images.Views : 1), labels = images.LabelsOf(piece);
            Tensor logits = settings.Objective.ClassLogits(readout, embeddings, heads);
            logits.argmax(1).eq(labels).data<bool>().CopyTo(isRight, scored);
            nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.None).data<float>().CopyTo(losses, scored);
            scored += piece.Count;
        }

        return new RowScores(images.Labels, isRight, losses);
    }

    private static RowScores Joined(List<RowScores> scores) => scores.Count == 1 ? scores[0] : new RowScores(
        [.. scores.SelectMany(split => split.Labels)], [.. scores.SelectMany(split => split.IsRight)], [.. scores.SelectMany(split => split.Losses)]);

    private HeadSolver NewSolver(HeadStage stage, EmbeddedImages images) => new(stage.Objective, images, settings.ImageWeights);

    private Heads NewHeads()
    {
        var heads = new Heads(splits[0].Training.Size, settings.Objective.Heads, new Random(settings.Seed));
        if (settings.Objective.Heads.All(head => head.CosineScale is null))
        {
            using var noGradient = no_grad();
            foreach (var parameter in heads.parameters())
                parameter.zero_();
        }

        return heads;
    }

    private static IEnumerable<(string Name, Tensor Value)> TensorsOf(Heads heads, string prefix = "") =>
        heads.state_dict().Select(entry => (prefix + entry.Key, entry.Value));
}

/// <summary>The problem that the heads solve.</summary>
/// <param name="Objective">The objective.</param>
/// <param name="Stages">The parts of the problem, in the order in which they are solved.</param>
/// <param name="ImageWeights">The weight of an image of each class; null for equal ones.</param>
/// <param name="Seed">Seed of the initial weights of normalised heads, which cannot start from zero.</param>
/// <param name="Readout">How the model scores.</param>
internal sealed record HeadSettings(Objective Objective, IReadOnlyList<HeadStage> Stages, double[]? ImageWeights, int Seed, Readout Readout)
{
    /// <summary>The stage after which images are scored as the model scores them.</summary>
    public HeadStage ScoredStage => Stages.LastOrDefault(stage => stage.Readout == Readout) ?? Stages[0];

    /// <summary>Splits an objective into problems that each have one optimum.</summary>
    /// <param name="kind">The objective.</param>
    /// <param name="objective">The same, with its settings.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="classes">N.</param>
    /// <param name="inference">How the model scores.</param>
    /// <param name="seed">The seed of the run.</param>
    public static HeadSettings Of(SlaObjective kind, Objective objective, ObjectiveSettings settings, int classes, SlaInference inference, int seed)
    {
        var weights = settings.ClassWeighting is NoWeighting ? null : settings.ClassWeighting.Weights(settings.ClassCounts);
        var readout = objective.ReadoutOf(inference);
        if (kind != SlaObjective.SlaSelfDistillation)
            return new HeadSettings(objective, [new HeadStage($"{kind}", objective, null, readout)], weights, seed, readout);

        // The distillation needs the finished teacher.
        var teacher = SlaObjectives.Create(SlaObjective.Sla, classes, objective.Views, settings);
        var aggregated = objective.ReadoutOf(SlaInference.Aggregated);
        return new HeadSettings(
            objective,
            [
                new HeadStage($"{SlaObjective.Sla}", teacher, Head.Joint, readout.Head == Head.Joint ? readout : aggregated),
                new HeadStage("Distillation", objective, Head.Class, objective.ReadoutOf(SlaInference.Distilled)),
            ],
            weights,
            seed,
            readout);
    }
}

/// <summary>One problem with one optimum.</summary>
/// <param name="Name">Its name in the log.</param>
/// <param name="Objective">What is minimised.</param>
/// <param name="Trained">The head that is trained; null for all of them.</param>
/// <param name="Readout">How images are scored that the penalty is chosen on.</param>
internal sealed record HeadStage(string Name, Objective Objective, Head? Trained, Readout Readout)
{
    public IReadOnlyList<Parameter> ParametersOf(Heads heads) =>
        [.. heads.named_parameters().Where(parameter => IsTrained(parameter.name)).Select(parameter => parameter.parameter)];

    /// <summary>Whether a parameter is trained.</summary>
    public bool IsTrained(string parameter) => Trained is not { } head || parameter == Heads.WeightName(head) || parameter == Heads.BiasName(head);
}
