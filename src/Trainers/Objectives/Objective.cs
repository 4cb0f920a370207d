using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>The source of an inference's class logits: a head, either on the untransformed image or averaged over its M views.</summary>
internal readonly record struct Readout(Head Head, bool AllViews);

/// <summary>A training objective: its heads, its loss and the inferences that it defines.</summary>
internal abstract class Objective(int classes, int views, ObjectiveSettings settings) : IStepObjective
{
    private double[]? _classWeights;

    /// <summary>N, the number of classes.</summary>
    protected int Classes { get; } = classes;

    /// <summary>M, the number of views.</summary>
    public int Views { get; } = views;

    protected ObjectiveSettings Settings { get; } = settings;

    /// <summary>The heads. The first one gives the class logits of each view.</summary>
    public abstract IReadOnlyList<HeadShape> Heads { get; }

    /// <summary>Whether the network learns joint labels.</summary>
    public bool HasJointHead => Heads.Any(head => head.Head == Head.Joint);

    /// <summary>The inferences that the objective defines, the recommended one first.</summary>
    public abstract IReadOnlyList<(SlaInference Inference, Readout Readout)> Inferences { get; }

    /// <summary>Whether a step must always draw the identity view of each image, because the loss needs it.</summary>
    public virtual bool NeedsIdentity => false;

    /// <summary>The head whose logits an aggregated prediction averages over the M views.</summary>
    public Head ViewHead => Heads[0].Head;

    /// <inheritdoc/>
    public ViewDraw Draw(Tensor labels, int viewsPerStep, Random random) =>
        ViewDraw.Random((int)labels.shape[0], Views, viewsPerStep, NeedsIdentity, random, labels.device);

    /// <inheritdoc/>
    public abstract Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw);

    /// <exception cref="ArgumentOutOfRangeException">The objective does not define the inference; the message lists those that it does.</exception>
    public Readout ReadoutOf(SlaInference inference)
    {
        foreach (var (defined, readout) in Inferences)
        {
            if (defined == inference)
                return readout;
        }

        throw new ArgumentOutOfRangeException(
            nameof(inference),
            inference,
            $"A model trained with this objective has no {inference} inference. Use {string.Join(" or ", Inferences.Select(i => $"SlaInference.{i.Inference}"))}.");
    }

    /// <summary>Class logits s, B x N, of an inference.</summary>
    /// <param name="readout">The head, and whether all views count.</param>
    /// <param name="embeddings">B*M x D for all views, B x D otherwise.</param>
    /// <param name="heads">The network's heads.</param>
    public Tensor ClassLogits(Readout readout, Tensor embeddings, Heads heads)
    {
        using Tensor logits = heads.Logits(readout.Head, embeddings);
        int viewsOfImage = readout.AllViews ? Views : 1;
        using Tensor ofViews = ViewLogits(readout.Head, logits, viewsOfImage);
        return ofViews.mean([1]);
    }

    /// <summary>
    /// (1/V) sum_j p(i, j | x~_j), B x N: how probable each class is together with the transformation of each view, averaged over the V views of an
    /// inference. Null where the network learns no joint labels.
    /// </summary>
    /// <param name="readout">Whether all views count.</param>
    /// <param name="embeddings">B*M x D for all views, B x D otherwise.</param>
    /// <param name="heads">The network's heads.</param>
    public Tensor? JointProbabilities(Readout readout, Tensor embeddings, Heads heads)
    {
        if (!HasJointHead)
            return null;

        using Tensor logits = heads.Logits(Head.Joint, embeddings);
        using Tensor probabilities = logits.softmax(1);
        using Tensor ofViews = ViewLogits(Head.Joint, probabilities, readout.AllViews ? Views : 1);
        return ofViews.mean([1]);
    }

    /// <summary>Class probabilities of each view by itself, B x M x N.</summary>
    /// <param name="embeddings">B*M x D.</param>
    /// <param name="heads">The network's heads.</param>
    public Tensor ViewProbabilities(Tensor embeddings, Heads heads)
    {
        using Tensor logits = heads.Logits(ViewHead, embeddings);
        using Tensor ofViews = ViewLogits(ViewHead, logits, Views);
        return ofViews.softmax(2);
    }

    /// <summary>A head for classes or joint labels, in the form that the loss needs.</summary>
    protected HeadShape ForLabels(Head head, int outputs) => new(head, outputs, Settings.ClassificationLoss.CosineScale);

    /// <summary>Combines the losses of each image's views by the settings, (1/M) sum_j or sum_j: B*k rows to B.</summary>
    protected Tensor OverViews(Tensor rowLosses, ViewDraw draw)
    {
        using Tensor mean = draw.WeightedSum(rowLosses);
        return mean.Times(Settings.LossReduction == LossReduction.Sum ? Views : 1);
    }

    /// <summary>sum_b w_b l_b / sum_b w_b, as in PyTorch's weighted cross-entropy: B losses, already multiplied by w_b, to a scalar.</summary>
    protected Tensor OverImages(Tensor imageLosses, ClassTargets targets)
    {
        if (ClassWeights(targets) is not { } weights)
            return Mean(imageLosses, targets);

        using Tensor losses = imageLosses.sum();
        if (targets.Whole is { } whole)
            return losses.Over(whole.Weight);

        using Tensor ofImages = Mixed(targets, rowsOfImage: 1, labels => ClassLookup.Of(weights, labels, imageLosses.dtype));
        using Tensor total = ofImages.sum();
        return losses / total;
    }

    /// <summary>sum_b l_b / B.</summary>
    protected static Tensor Mean(Tensor imageLosses, ClassTargets targets)
    {
        using Tensor losses = imageLosses.sum();
        return losses.Over(targets.Images);
    }

    /// <summary>w_y CE(u(z~_j), y*M + j) of each row, where CE is the loss of the settings and w_y the weight of the class.</summary>
    /// <param name="logits">B*k x N*M.</param>
    /// <param name="targets">y.</param>
    /// <param name="draw">j.</param>
    protected Tensor JointLosses(Tensor logits, ClassTargets targets, ViewDraw draw) => Mixed(targets, draw.Count, labels =>
    {
        using Tensor ofRows = labels.repeat_interleave(draw.Count);
        using Tensor first = ofRows.Times(Views);
        using Tensor joint = first.Plus(draw.Numbers);
        return Losses(logits, joint, ofRows, ClassWeights(targets));
    });

    /// <summary>w_y CE(v(z~_j), y) of each row.</summary>
    /// <param name="logits">B*k x N.</param>
    /// <param name="targets">y.</param>
    /// <param name="draw">j.</param>
    protected Tensor ClassLosses(Tensor logits, ClassTargets targets, ViewDraw draw) => Mixed(targets, draw.Count, labels =>
    {
        using Tensor ofRows = labels.repeat_interleave(draw.Count);
        return Losses(logits, ofRows, ofRows, ClassWeights(targets));
    });

    /// <summary>w_y CE(v(z), y) of each image.</summary>
    /// <param name="logits">B x N.</param>
    /// <param name="targets">y.</param>
    protected Tensor ClassLosses(Tensor logits, ClassTargets targets) => Mixed(targets, rowsOfImage: 1, labels => Losses(logits, labels, labels, ClassWeights(targets)));

    private double[]? ClassWeights(ClassTargets targets) =>
        targets.AreWeighted && Settings.ClassWeighting is not NoWeighting ? _classWeights ??= Settings.ClassWeighting.Weights(Settings.ClassCounts) : null;

    private Tensor Losses(Tensor logits, Tensor targets, Tensor labels, double[]? weights)
    {
        Tensor losses = Settings.ClassificationLoss.OfRows(logits, targets, labels, Settings);
        if (weights is null)
            return losses;

        using Tensor unweighted = losses;
        using Tensor ofRows = ClassLookup.Of(weights, labels, losses.dtype);
        return unweighted * ofRows;
    }

    /// <summary>
    /// The losses, or weights, of rows whose image is a mix of two. A view only moves pixels and channels, so view j of the mix is the mix of
    /// the two images' views j. Each row therefore has both labels, for the same view, with their shares.
    /// </summary>
    private static Tensor Mixed(ClassTargets targets, int rowsOfImage, Func<Tensor, Tensor> valuesFor)
    {
        if (targets.OtherLabels is null || targets.Shares is null)
            return valuesFor(targets.Labels);

        using Tensor own = valuesFor(targets.Labels);
        using Tensor others = valuesFor(targets.OtherLabels);
        using Tensor shares = targets.Shares.repeat_interleave(rowsOfImage);
        return lerp(others, own, shares);
    }

    /// <summary>u_(i,j)(z~_j) for the view j of each row: rows x N*M joint logits to rows x N.</summary>
    protected Tensor OwnViewLogits(Tensor jointLogits, Tensor viewNumbers)
    {
        using Tensor cube = jointLogits.view(-1, Classes, Views);
        using Tensor columns = viewNumbers.view(-1, 1, 1);
        using Tensor everyClass = columns.expand(-1, Classes, 1);
        using Tensor own = cube.gather(2, everyClass);
        return own.squeeze(2);
    }

    /// <summary>The class logits of each of an image's first views, or what was computed of each logit: B*views rows to B x views x N.</summary>
    private Tensor ViewLogits(Head head, Tensor logits, int viewsOfImage)
    {
        if (head != Head.Joint)
            return logits.view(-1, viewsOfImage, Classes);

        using var draw = ViewDraw.All(logits.shape[0] / viewsOfImage, viewsOfImage, logits.device);
        using Tensor own = OwnViewLogits(logits, draw.Numbers);
        return own.view(-1, viewsOfImage, Classes);
    }
}
