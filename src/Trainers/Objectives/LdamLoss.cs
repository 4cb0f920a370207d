using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>See <see cref="ClassificationLoss.Ldam"/>: the cross-entropy after scale * margin is subtracted from the label's logit.</summary>
internal sealed class LdamLoss(double largestMargin, double scale) : ClassificationLoss
{
    public double LargestMargin { get; } = largestMargin;

    public double Scale { get; } = scale;

    public override string ToString() => FormattableString.Invariant($"Ldam({LargestMargin}, {Scale})");

    internal override bool KnowsClassCounts => true;

    internal override double? CosineScale => Scale;

    internal override Tensor OfRows(Tensor logits, Tensor targets, Tensor labels, ObjectiveSettings settings)
    {
        using var scope = NewDisposeScope();
        double[] shifts = Array.ConvertAll(Margins(settings.ClassCounts), margin => -Scale * margin);
        Tensor ofRows = ClassLookup.Of(shifts, labels, logits.dtype).unsqueeze(1);
        Tensor shifted = logits.scatter_add(1, targets.unsqueeze(1), ofRows);
        return CrossEntropyLoss.OfRows(shifted, targets, settings).MoveToOuterDisposeScope();
    }

    /// <summary>The margin of each class, LargestMargin * (n_i / n_smallest)^(-1/4); 0 for a class without images.</summary>
    internal double[] Margins(IReadOnlyList<int> counts)
    {
        double smallest = counts.Where(count => count > 0).Min();
        return [.. counts.Select(count => count == 0 ? 0 : LargestMargin * Math.Pow(smallest / count, 0.25))];
    }
}
