using Microsoft.ML.Sla.Tensors;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>
/// See <see cref="ClassificationLoss.Focal"/>. With label smoothing it is sum_k -q_k (1 - p_k)^gamma log p_k, where q is the smoothed label.
/// </summary>
internal sealed class FocalLoss(double gamma) : ClassificationLoss
{
    public double Gamma { get; } = gamma;

    public override string ToString() => FormattableString.Invariant($"Focal({Gamma})");

    internal override Tensor OfRows(Tensor logits, Tensor targets, Tensor labels, ObjectiveSettings settings)
    {
        using var scope = NewDisposeScope();
        Tensor logProbabilities = nn.functional.log_softmax(logits, 1);
        Tensor ofOutputs = logProbabilities.exp().SubtractedFrom(1).ToPower(Gamma).neg() * logProbabilities;
        Tensor losses = ofOutputs.gather(1, targets.unsqueeze(1)).squeeze(1);
        if (settings.LabelSmoothing != 0)
            losses = lerp(losses, ofOutputs.mean([1]), settings.LabelSmoothing);
        return losses.MoveToOuterDisposeScope();
    }
}
