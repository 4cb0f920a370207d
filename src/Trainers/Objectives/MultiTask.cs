using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>MT: (1/M) sum_j [ CE(v(z~_j), y) + CE(w(z~_j), j) ], class and transformation as two tasks.</summary>
/// <remarks>
/// All transformations are equally frequent. Their loss is therefore always the plain cross-entropy of a linear head, regardless of the
/// classes' loss.
/// </remarks>
internal sealed class MultiTask(int classes, int views, ObjectiveSettings settings) : Objective(classes, views, settings)
{
    public override IReadOnlyList<HeadShape> Heads => [ForLabels(Head.Class, Classes), new(Head.Transformation, Views)];

    public override IReadOnlyList<(SlaInference, Readout)> Inferences =>
    [
        (SlaInference.Single, new(Head.Class, AllViews: false)),
        (SlaInference.Aggregated, new(Head.Class, AllViews: true)),
    ];

    public override Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw)
    {
        using var scope = NewDisposeScope();
        Tensor classLosses = ClassLosses(heads.Logits(Head.Class, embeddings), targets, draw);
        Tensor transformationLosses = CrossEntropyLoss.OfRows(heads.Logits(Head.Transformation, embeddings), draw.Numbers, Settings);
        Tensor loss = OverImages(OverViews(classLosses, draw), targets).Plus(Mean(OverViews(transformationLosses, draw), targets));
        return loss.MoveToOuterDisposeScope();
    }
}
