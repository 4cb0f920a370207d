using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>SLA: (1/M) sum_j CE(u(z~_j), y*M + j), one task over the joint labels.</summary>
internal sealed class LabelAugmentation(int classes, int views, ObjectiveSettings settings) : Objective(classes, views, settings)
{
    public override IReadOnlyList<HeadShape> Heads => [ForLabels(Head.Joint, Classes * Views)];

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Aggregated, new(Head.Joint, AllViews: true)),
        (SlaInference.Single, new(Head.Joint, AllViews: false)),
    ];

    public override Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using Tensor logits = heads.Logits(Head.Joint, embeddings);
        using Tensor losses = JointLosses(logits, targets, draw);
        using Tensor ofImages = OverViews(losses, draw);
        return OverImages(ofImages, targets);
    }
}
