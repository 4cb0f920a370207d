using Microsoft.ML.Sla.Augmentation;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>Where the class logits of an inference come from: a head, on the image alone or averaged over its M views.</summary>
internal readonly record struct Readout(Head Head, bool AllViews);

/// <summary>A training objective: its heads, its loss and the inferences that it defines.</summary>
internal abstract class Objective(int classes, int views, ObjectiveSettings settings)
{
    /// <summary>N.</summary>
    protected int Classes { get; } = classes;

    /// <summary>M.</summary>
    public int Views { get; } = views;

    protected ObjectiveSettings Settings { get; } = settings;

    /// <summary>The heads and their numbers of outputs, first the one that gives each view class logits of its own.</summary>
    public abstract IReadOnlyList<(Head Head, int Outputs)> Heads { get; }

    /// <summary>The inferences that are defined, the recommended one first.</summary>
    public abstract IReadOnlyList<(SlaInference Inference, Readout Readout)> Inferences { get; }

    /// <summary>Whether the loss needs the identity view of each image, whatever other views are drawn.</summary>
    public virtual bool NeedsIdentity => false;

    /// <summary>The head whose M view logits an aggregated prediction averages.</summary>
    public Head ViewHead => Heads[0].Head;

    /// <summary>The loss of a batch, averaged over its B images.</summary>
    /// <param name="embeddings">z, B*k x D, of the views that were drawn.</param>
    /// <param name="heads">The network's heads.</param>
    /// <param name="targets">y, B class labels, or two each with their shares.</param>
    /// <param name="draw">The views.</param>
    /// <returns>A scalar.</returns>
    public abstract Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw);

    /// <exception cref="ArgumentOutOfRangeException">The objective does not define the inference; the message says which it does.</exception>
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
    /// <param name="readout">Which head, and whether on all views.</param>
    /// <param name="embeddings">B*M x D for all views, B x D otherwise.</param>
    /// <param name="heads">The network's heads.</param>
    public Tensor ClassLogits(Readout readout, Tensor embeddings, Heads heads)
    {
        using Tensor logits = heads.Logits(readout.Head, embeddings);
        int viewsOfImage = readout.AllViews ? Views : 1;
        using Tensor ofViews = ViewLogits(readout.Head, logits, viewsOfImage);
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

    /// <summary>Cross-entropy of each row, with the label smoothing of the settings.</summary>
    /// <param name="logits">Rows x outputs.</param>
    /// <param name="targets">Numbers of outputs, one a row (int64).</param>
    protected Tensor CrossEntropy(Tensor logits, Tensor targets) =>
        nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.None, label_smoothing: Settings.LabelSmoothing);

    /// <summary>(1/B) sum_b (1/M) sum_j of the losses of the rows, or (1/B) sum_b sum_j, as the settings say: B*k rows to a scalar.</summary>
    protected Tensor OverViews(Tensor rowLosses, ViewDraw draw)
    {
        using Tensor images = draw.WeightedSum(rowLosses);
        using Tensor mean = images.mean();
        return mean * (Settings.LossReduction == LossReduction.Sum ? Views : 1);
    }

    /// <summary>CE(u(z~_j), y*M + j) of each row.</summary>
    /// <param name="logits">B*k x N*M.</param>
    /// <param name="targets">y.</param>
    /// <param name="draw">j.</param>
    protected Tensor JointLosses(Tensor logits, ClassTargets targets, ViewDraw draw) => Mixed(targets, draw.Count, labels =>
    {
        using Tensor ofRows = labels.repeat_interleave(draw.Count);
        using Tensor first = ofRows * Views;
        using Tensor joint = first + draw.Numbers;
        return CrossEntropy(logits, joint);
    });

    /// <summary>CE(v(z~_j), y) of each row.</summary>
    /// <param name="logits">B*k x N.</param>
    /// <param name="targets">y.</param>
    /// <param name="draw">j.</param>
    protected Tensor ClassLosses(Tensor logits, ClassTargets targets, ViewDraw draw) => Mixed(targets, draw.Count, labels =>
    {
        using Tensor ofRows = labels.repeat_interleave(draw.Count);
        return CrossEntropy(logits, ofRows);
    });

    /// <summary>CE(v(z), y) of each image.</summary>
    /// <param name="logits">B x N.</param>
    /// <param name="targets">y.</param>
    protected Tensor ClassLosses(Tensor logits, ClassTargets targets) => Mixed(targets, rowsOfImage: 1, labels => CrossEntropy(logits, labels));

    /// <summary>
    /// The losses of rows whose image is a mix of two. View j of the mix is the mix of the two images' views j, for a view only moves
    /// pixels and channels: so each row has both labels, of the same view, by their shares.
    /// </summary>
    private static Tensor Mixed(ClassTargets targets, int rowsOfImage, Func<Tensor, Tensor> lossesFor)
    {
        if (targets.OtherLabels is null || targets.Shares is null)
            return lossesFor(targets.Labels);

        using Tensor own = lossesFor(targets.Labels);
        using Tensor others = lossesFor(targets.OtherLabels);
        using Tensor shares = targets.Shares.repeat_interleave(rowsOfImage);
        return lerp(others, own, shares);
    }

    /// <summary>u_(i,j)(z~_j) for the view j that each row shows: rows x N*M joint logits to rows x N.</summary>
    protected Tensor OwnViewLogits(Tensor jointLogits, Tensor viewNumbers)
    {
        using Tensor cube = jointLogits.view(-1, Classes, Views);
        using Tensor columns = viewNumbers.view(-1, 1, 1);
        using Tensor everyClass = columns.expand(-1, Classes, 1);
        using Tensor own = cube.gather(2, everyClass);
        return own.squeeze(2);
    }

    /// <summary>The class logits of each of an image's first views by itself: B*views rows to B x views x N.</summary>
    private Tensor ViewLogits(Head head, Tensor logits, int viewsOfImage)
    {
        if (head != Head.Joint)
            return logits.view(-1, viewsOfImage, Classes);

        using var draw = ViewDraw.All(logits.shape[0] / viewsOfImage, viewsOfImage, logits.device);
        using Tensor own = OwnViewLogits(logits, draw.Numbers);
        return own.view(-1, viewsOfImage, Classes);
    }
}
