using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>
/// SLA+SD: L_SLA + T^2 KL(P_agg^T || softmax(v(z)/T)) + beta CE(v(z), y), z the embedding of the image as it is
/// (equation 6). No gradient flows into the teacher P_agg.
/// </summary>
internal sealed class SelfDistillation(int classes, int views, ObjectiveSettings settings) : Objective(classes, views)
{
    public override IReadOnlyList<(Head, int)> Heads => [(Head.Joint, Classes * Views), (Head.Class, Classes)];

    public override bool TrainsOnViews => true;

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Distilled, new(Head.Class, AllViews: false)),
        (SlaInference.Aggregated, new(Head.Joint, AllViews: true)),
        (SlaInference.Single, new(Head.Joint, AllViews: false)),
    ];

    public override Tensor Loss(Tensor embeddings, Heads heads, Tensor labels)
    {
        using var scope = NewDisposeScope();
        Tensor jointLogits = heads.Logits(Head.Joint, embeddings);
        Tensor classLogits = heads.Logits(Head.Class, IdentityRows(embeddings));

        Tensor loss = cross_entropy(jointLogits, JointLabels(labels))
            + (settings.Temperature * settings.Temperature * Distillation(jointLogits.detach(), classLogits));
        if (settings.Beta != 0)
            loss += settings.Beta * cross_entropy(classLogits, labels);
        return loss.MoveToOuterDisposeScope();
    }

    private Tensor Distillation(Tensor teacherJointLogits, Tensor studentLogits)
    {
        Tensor teacher = softmax(Aggregate(teacherJointLogits) / settings.Temperature, 1);
        Tensor student = log_softmax(studentLogits / settings.Temperature, 1);
        return kl_div(student, teacher, log_target: false, reduction: nn.Reduction.Sum) / studentLogits.shape[0];
    }
}
