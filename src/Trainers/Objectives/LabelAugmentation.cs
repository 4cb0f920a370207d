using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>SLA: (1/M) sum_j CE(u(z~_j), y*M + j), one task over the joint labels (equation 4).</summary>
internal sealed class LabelAugmentation(int classes, int views) : Objective(classes, views)
{
    public override IReadOnlyList<(Head, int)> Heads => [(Head.Joint, Classes * Views)];

    public override bool TrainsOnViews => true;

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Aggregated, new(Head.Joint, AllViews: true)),
        (SlaInference.Single, new(Head.Joint, AllViews: false)),
    ];

    public override Tensor Loss(Tensor embeddings, Heads heads, Tensor labels)
    {
        using Tensor logits = heads.Logits(Head.Joint, embeddings);
        using Tensor joint = JointLabels(labels);
        return cross_entropy(logits, joint);
    }
}
