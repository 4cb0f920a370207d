using System.Text.Json.Serialization;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>The settings of an objective's loss.</summary>
/// <param name="Temperature">T of the distillation term.</param>
/// <param name="Beta">Weight of the class head's cross-entropy relative to the distillation term.</param>
/// <param name="LossReduction">Mean or sum over the views.</param>
/// <param name="LabelSmoothing">Share of a label's probability that is spread over all outputs of its head, in every cross-entropy.</param>
internal sealed record ObjectiveSettings(
    double Temperature = 1, double Beta = 1, LossReduction LossReduction = LossReduction.Mean, double LabelSmoothing = 0)
{
    /// <summary>The loss of rows that have a class.</summary>
    // Models saved before this setting existed do not have it.
    public ClassificationLoss ClassificationLoss { get => field ?? ClassificationLoss.CrossEntropy; init; }

    /// <summary>The weight of an image by its class.</summary>
    public ClassWeighting ClassWeighting { get => field ?? ClassWeighting.None; init; }

    /// <summary>The entries that identify a run. A setting with its default value has no entry.</summary>
    public IEnumerable<(string Name, string Value)> Identity()
    {
        if (Temperature != 1)
            yield return (nameof(Temperature), FormattableString.Invariant($"{Temperature}"));
        if (Beta != 1)
            yield return (nameof(Beta), FormattableString.Invariant($"{Beta}"));
        if (LossReduction != LossReduction.Mean)
            yield return (nameof(LossReduction), $"{LossReduction}");
        if (LabelSmoothing != 0)
            yield return (nameof(LabelSmoothing), FormattableString.Invariant($"{LabelSmoothing}"));
        if (ClassificationLoss is not CrossEntropyLoss)
            yield return (nameof(ClassificationLoss), $"{ClassificationLoss}");
        if (ClassWeighting is not NoWeighting)
            yield return (nameof(ClassWeighting), $"{ClassWeighting}");
    }

    /// <summary>n_i, the number of training images of each class. Empty except in a training, because scoring does not need it.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> ClassCounts { get; init; } = [];
}
