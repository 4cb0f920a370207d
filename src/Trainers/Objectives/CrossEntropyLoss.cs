using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>See <see cref="ClassificationLoss.CrossEntropy"/>.</summary>
internal sealed class CrossEntropyLoss : ClassificationLoss
{
    public override string ToString() => "CrossEntropy";

    internal override Tensor OfRows(Tensor logits, Tensor targets, Tensor labels, ObjectiveSettings settings) => OfRows(logits, targets, settings);

    /// <summary>The cross-entropy of each row. The targets need not be classes.</summary>
    public static Tensor OfRows(Tensor logits, Tensor targets, ObjectiveSettings settings) =>
        nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.None, label_smoothing: settings.LabelSmoothing);
}
