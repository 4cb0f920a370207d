using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>Where the class logits of an inference come from: a head, on the image alone or averaged over its M views.</summary>
internal readonly record struct Readout(Head Head, bool AllViews);

/// <summary>A training objective: its heads, its loss and the inferences that it defines.</summary>
internal abstract class Objective(int classes, int views)
{
    /// <summary>N.</summary>
    protected int Classes { get; } = classes;

    /// <summary>M.</summary>
    protected int Views { get; } = views;

    /// <summary>The heads and their numbers of outputs.</summary>
    public abstract IReadOnlyList<(Head Head, int Outputs)> Heads { get; }

    /// <summary>Whether the loss takes the embeddings of all M views (B*M rows, image-major) or of the image alone (B rows).</summary>
    public abstract bool TrainsOnViews { get; }

    /// <summary>The inferences that are defined, the recommended one first.</summary>
    public abstract IReadOnlyList<(SlaInference Inference, Readout Readout)> Inferences { get; }

    /// <summary>The loss of a batch, averaged over its B images.</summary>
    /// <param name="embeddings">z, B*M x D or B x D as <see cref="TrainsOnViews"/> says.</param>
    /// <param name="heads">The network's heads.</param>
    /// <param name="labels">y, B class labels (int64).</param>
    /// <returns>A scalar.</returns>
    public abstract Tensor Loss(Tensor embeddings, Heads heads, Tensor labels);

    public static Objective Create(SlaObjective objective, int classes, int views, ObjectiveSettings settings) => objective switch
    {
        SlaObjective.Baseline => new Baseline(classes, views),
        SlaObjective.Sla => new LabelAugmentation(classes, views),
        SlaObjective.SlaSelfDistillation => new SelfDistillation(classes, views, settings),
        _ => throw new ArgumentOutOfRangeException(nameof(objective), objective, "There is no such objective."),
    };

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
        return (readout.Head, readout.AllViews) switch
        {
            (Head.Joint, true) => Aggregate(logits),
            (Head.Joint, false) => IdentityColumn(logits),
            (_, true) => logits.view(-1, Views, Classes).mean([1]),
            _ => logits.alias(),
        };
    }

    /// <summary>Row y*M + j for view j of each image, image-major: the joint labels of a batch.</summary>
    protected Tensor JointLabels(Tensor labels)
    {
        using Tensor first = labels.unsqueeze(1) * Views;
        using Tensor offsets = arange(Views, dtype: int64, device: labels.device);
        using Tensor joint = first + offsets;
        return joint.flatten();
    }

    /// <summary>s_i = (1/M) sum_j u_(i,j)(z~_j): B*M x N*M joint logits to B x N (equation 5).</summary>
    protected Tensor Aggregate(Tensor jointLogits)
    {
        using Tensor cube = jointLogits.view(-1, Views, Classes, Views);
        using Tensor matching = cube.diagonal(0, 1, 3);
        return matching.mean([2]);
    }

    /// <summary>Every M-th row of a batch of views: the image as it is.</summary>
    protected Tensor IdentityRows(Tensor rows) => rows.slice(0, 0, rows.shape[0], Views);

    private Tensor IdentityColumn(Tensor jointLogits)
    {
        using Tensor cube = jointLogits.view(-1, Classes, Views);
        return cube.select(2, 0);
    }
}
