using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>
/// SLA+SD: L_SLA + T^2 KL(P_agg^T || softmax(v(z)/T)) + beta CE(v(z), y), where z is the embedding of the untransformed image.
/// No gradient flows into the teacher P_agg.
/// </summary>
/// <remarks>
/// If a step draws k of M views, the identity is always one of them, because the class head needs it. The teacher is the softmax of the
/// drawn views' logits, weighted as in the loss. The weighted logits are an unbiased estimate of the aggregated logits, and equal them for
/// k = M.
/// </remarks>
internal sealed class SelfDistillation(int classes, int views, ObjectiveSettings settings) : Objective(classes, views, settings)
{
    public override IReadOnlyList<HeadShape> Heads => [ForLabels(Head.Joint, Classes * Views), ForLabels(Head.Class, Classes)];

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Distilled, new(Head.Class, AllViews: false)),
        (SlaInference.Aggregated, new(Head.Joint, AllViews: true)),
        (SlaInference.Single, new(Head.Joint, AllViews: false)),
    ];

    public override bool NeedsIdentity => true;

    public override Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using var scope = NewDisposeScope();
        Tensor jointLogits = heads.Logits(Head.Joint, embeddings);
        Tensor classLogits = heads.Logits(Head.Class, draw.IdentityRows(embeddings));
        Tensor teacherLogits = draw.WeightedSum(OwnViewLogits(jointLogits.detach(), draw.Numbers));

        Tensor loss = OverImages(OverViews(JointLosses(jointLogits, targets, draw), draw), targets)
            .Plus(Distillation(teacherLogits, classLogits).Over(targets.Images).Times(Settings.Temperature * Settings.Temperature));
        if (Settings.Beta != 0)
            loss = loss.Plus(OverImages(ClassLosses(classLogits, targets), targets).Times(Settings.Beta));
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The sum over the images.</summary>
    private Tensor Distillation(Tensor teacherLogits, Tensor studentLogits)
    {
        Tensor teacher = softmax(teacherLogits.Over(Settings.Temperature), 1);
        Tensor student = log_softmax(studentLogits.Over(Settings.Temperature), 1);
        return kl_div(student, teacher, log_target: false, reduction: nn.Reduction.Sum);
    }
}
