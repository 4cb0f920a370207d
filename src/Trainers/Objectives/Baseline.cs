using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>CE(v(z), y) on the image as it is.</summary>
internal sealed class Baseline(int classes, int views) : Objective(classes, views)
{
    public override IReadOnlyList<(Head, int)> Heads => [(Head.Class, Classes)];

    public override bool TrainsOnViews => false;

    public override IReadOnlyList<(SlaInference, Readout)> Inferences => [(SlaInference.Single, new(Head.Class, AllViews: false))];

    public override Tensor Loss(Tensor embeddings, Heads heads, Tensor labels)
    {
        using Tensor logits = heads.Logits(Head.Class, embeddings);
        return cross_entropy(logits, labels);
    }
}
