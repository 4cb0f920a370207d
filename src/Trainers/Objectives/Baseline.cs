using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>CE(v(z), y) on the untransformed image, the only view.</summary>
internal sealed class Baseline(int classes, ObjectiveSettings settings) : Objective(classes, views: 1, settings)
{
    public override IReadOnlyList<HeadShape> Heads => [ForLabels(Head.Class, Classes)];

    public override IReadOnlyList<(SlaInference, Readout)> Inferences => [(SlaInference.Single, new(Head.Class, AllViews: false))];

    public override Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using Tensor logits = heads.Logits(Head.Class, embeddings);
        using Tensor losses = ClassLosses(logits, targets);
        return OverImages(losses, targets);
    }
}
