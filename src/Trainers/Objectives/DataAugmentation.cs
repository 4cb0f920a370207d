using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>DA: (1/M) sum_j CE(v(z~_j), y). All views have the same label, which makes the network invariant to the transformations.</summary>
internal sealed class DataAugmentation(int classes, int views, ObjectiveSettings settings) : Objective(classes, views, settings)
{
    public override IReadOnlyList<HeadShape> Heads => [ForLabels(Head.Class, Classes)];

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Single, new(Head.Class, AllViews: false)),
        (SlaInference.Aggregated, new(Head.Class, AllViews: true)),
    ];

    public override Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using Tensor logits = heads.Logits(Head.Class, embeddings);
        using Tensor losses = ClassLosses(logits, targets, draw);
        using Tensor ofImages = OverViews(losses, draw);
        return OverImages(ofImages, targets);
    }
}
