using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Runtime;
using Microsoft.ML.Sla.Tensors;
using Microsoft.ML.Sla.Training;
using Microsoft.ML.Sla.Training.Frozen;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.FewShot;

/// <summary>
/// Finds the linear map of embeddings with the lowest loss of the objective on episodes of classes that the map was not made of. Gradient descent
/// on the map's own values is not part of it, because it was measured to make maps that are worse for other classes (docs/evidence/few-shot.md).
/// </summary>
/// <param name="plan">The plan of the training.</param>
/// <param name="channel">The log.</param>
internal sealed class MapSearch(EmbeddingPlan plan, IChannel channel)
{
    private const int Folds = 3;

    /// <summary>The fewest classes of a fold. An episode compares two or more.</summary>
    private const int ClassesOfFold = 2;

    private static readonly double[] Roundnesses = [0.03, 0.1, 0.25, 0.5, 0.75, 1];
    private static readonly double[] Evennesses = [0, 0.1, 0.25, 0.5, 0.75, 1];

    /// <summary>The settings for too few classes to measure others.</summary>
    private const double MiddleRoundness = 0.25, MiddleEvenness = 0.5;

    /// <summary>
    /// The scale stays between e to the power of minus this and e to the power of this. Where all queries are right, the loss falls with the scale without
    /// end.
    /// </summary>
    private const double LargestLogScale = 9;

    private readonly int _classes = plan.Rows.Labels.Distinct().Count();

    /// <summary>Number of settings that are tried. Observers see each as an epoch.</summary>
    public int Candidates => HoldsOut ? Roundnesses.Length * Evennesses.Length : 1;

    /// <summary>Number of episodes that are measured, those of all settings and folds together.</summary>
    public long Steps => (long)Candidates * FoldCount * EpisodesOfFold;

    /// <summary>The order of the images that <see cref="Find"/> takes: fold by fold, and class by class. These are numbers of rows.</summary>
    public int[] Order()
    {
        int[] labels = plan.Rows.Labels;
        var folds = FoldOfClass();
        return [.. Enumerable.Range(0, labels.Length).OrderBy(row => folds[labels[row]]).ThenBy(row => labels[row])];
    }

    /// <summary>Finds the map.</summary>
    /// <param name="store">Embeddings with a mean of about zero.</param>
    public FoundMap Find(EmbeddingStore store)
    {
        var folds = new List<HeldOutClasses>();
        try
        {
            folds.AddRange(MakeFolds(store));
            var (best, epochs) = Measure(folds);
            using var discriminant = PairDiscriminant.Of(store.All);
            using var directions = discriminant.Directions(best.Roundness);
            using Tensor map = directions.Map(best.Evenness);
            TrainerHost.Info(channel, string.Create(CultureInfo.InvariantCulture,
                $"linear map from {map.shape[1]} axes to {map.shape[0]} values: roundness {best.Roundness}, evenness {best.Evenness}, loss {best.Loss:F4} on classes left out"));
            var history = new TrainingHistory
            {
                Seed = plan.Host.Seed,
                Images = plan.Rows.Rows.Length,
                UnreadableImages = plan.Unreadable,
                Epochs = epochs,
                BestEpoch = epochs.FindIndex(epoch => epoch.Loss == best.Loss) + 1,
            };
            return new FoundMap(map.data<float>().ToArray(), (int)map.shape[0], (float)Math.Exp(best.LogScale), history);
        }
        finally
        {
            foreach (var fold in folds)
                fold.Dispose();
        }
    }

    private bool HoldsOut => _classes >= 2 * ClassesOfFold;

    private int FoldCount => HoldsOut ? Math.Min(Folds, _classes / ClassesOfFold) : 1;

    private int EpisodesOfFold => Math.Max(1, plan.Options.Episodes / (Candidates * FoldCount));

    private IEnumerable<HeldOutClasses> MakeFolds(EmbeddingStore store)
    {
        if (!HoldsOut)
        {
            TrainerHost.Warn(channel, $"There are {_classes} classes, too few to hold some out, so the map has middle settings. Give images of four classes or more.");
            yield return NewFold(store.All, store.All, fold: 0);
            yield break;
        }

        var folds = FoldOfClass();
        for (int fold = 0, start = 0; fold < FoldCount; fold++)
        {
            var heldOut = new ImageRange(start, store.Labels.Count(label => folds[label] == fold));
            var others = new EmbeddedImages(store, new ImageRange(0, start), new ImageRange(heldOut.End, store.Count - heldOut.End));
            yield return NewFold(others, new EmbeddedImages(store, heldOut), fold);
            start = heldOut.End;
        }
    }

    private Dictionary<int, int> FoldOfClass()
    {
        int[] classes = [.. plan.Rows.Labels.Distinct().Order()];
        new Random(plan.Host.Seed).Shuffle(classes);
        return classes.Select((label, position) => (label, Fold: position % FoldCount)).ToDictionary(entry => entry.label, entry => entry.Fold);
    }

    private HeldOutClasses NewFold(EmbeddedImages others, EmbeddedImages heldOut, int fold) =>
        new(plan.Objective, others, heldOut, EpisodesOfFold, Seeds.ForEpoch(plan.Host.Seed, fold));

    /// <summary>Measures all settings on the same episodes.</summary>
    /// <returns>The best ones, and the loss of each as an epoch.</returns>
    private (Measured Best, List<EpochMetrics> Epochs) Measure(List<HeldOutClasses> folds)
    {
        var clock = Stopwatch.StartNew();
        var epochs = new List<EpochMetrics>();
        Measured? best = null;
        foreach (double roundness in HoldsOut ? Roundnesses : [MiddleRoundness])
        {
            var directions = new List<MapDirections>();
            try
            {
                foreach (var fold in folds)
                {
                    plan.Host.CheckCancellation();
                    directions.Add(fold.Discriminant.Directions(roundness));
                }

                foreach (double evenness in HoldsOut ? Evennesses : [MiddleEvenness])
                {
                    plan.Host.CheckCancellation();
                    var (loss, logScale) = Measure(folds, directions, evenness, best?.LogScale ?? Math.Log(plan.InitialScale));
                    if (best is null || loss < best.Loss)
                        best = new Measured(roundness, evenness, loss, logScale);
                    Report(epochs, loss, clock.Elapsed);
                }
            }
            finally
            {
                foreach (var ofFold in directions)
                    ofFold.Dispose();
            }
        }

        return (best!, epochs);
    }

    /// <summary>The mean loss of the queries of all folds at the scale where it is lowest, and the logarithm of this scale.</summary>
    private static (double Loss, double LogScale) Measure(List<HeldOutClasses> folds, List<MapDirections> directions, double evenness, double start)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var compared = folds.Zip(directions, (fold, ofFold) => fold.Compare(ofFold.Map(evenness))).ToList();
        double queries = compared.Sum(fold => fold.Own.shape[0]);
        double[] point = [start];
        var (loss, _) = Lbfgs.Minimize(point, candidate =>
        {
            double logScale = Within(candidate[0]);
            var parts = compared.Select(fold => Loss(fold.Similarities, fold.Own, Math.Exp(logScale))).ToList();
            return (parts.Sum(part => part.Loss) / queries, [logScale == candidate[0] ? parts.Sum(part => part.Slope) / queries : 0]);
        });
        return (loss, Within(point[0]));

        static double Within(double logScale) => Math.Clamp(logScale, -LargestLogScale, LargestLogScale);
    }

    /// <summary>The sum of the cross-entropies of queries, and its derivative by the logarithm of the scale.</summary>
    internal static (double Loss, double Slope) Loss(Tensor similarities, Tensor own, double scale)
    {
        using var scope = NewDisposeScope();
        Tensor logProbabilities = nn.functional.log_softmax(similarities.Times(scale), 1);
        Tensor index = own.unsqueeze(1);
        Tensor ownSimilarities = similarities.gather(1, index);
        Tensor slopes = (logProbabilities.exp() * similarities).sum(1, keepdim: true) - ownSimilarities;
        return (-logProbabilities.gather(1, index).sum().item<double>(), scale * slopes.sum().item<double>());
    }

    private void Report(List<EpochMetrics> epochs, double loss, TimeSpan elapsed)
    {
        int episodes = FoldCount * EpisodesOfFold, epoch = epochs.Count + 1;
        epochs.Add(new EpochMetrics { Epoch = epoch, Step = (long)epoch * episodes, Loss = loss, LearningRate = 0 });
        var progress = new TrainingProgress
        {
            Epoch = epoch,
            Epochs = Candidates,
            Step = (long)epoch * episodes,
            Steps = Steps,
            Loss = loss,
            LearningRate = 0,
            ImagesPerSecond = (double)epoch * episodes * plan.Episode.Images / elapsed.TotalSeconds,
            Elapsed = elapsed,
            IsEpochEnd = true,
        };
        plan.Options.Notify(observer => observer.OnEpochEnd(progress));
        plan.Options.MetricsCallback?.Invoke(progress);
    }

    /// <summary>Settings with their loss on classes left out.</summary>
    private sealed record Measured(double Roundness, double Evenness, double Loss, double LogScale);
}

/// <summary>A linear map of embeddings.</summary>
/// <param name="Map">K x D values.</param>
/// <param name="Size">K.</param>
/// <param name="Scale">The factor on similarities with the lowest loss.</param>
/// <param name="History">The losses of the settings that were tried.</param>
internal sealed record FoundMap(float[] Map, int Size, float Scale, TrainingHistory History);
