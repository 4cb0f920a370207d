using System.Text.Json.Serialization;
using Microsoft.ML.Sla.Objectives;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla;

/// <summary>
/// The loss of an image or view by its class or joint label. It replaces the cross-entropy in every objective; a joint label counts with
/// the number of images of its class. Only the transformation head of MultiTask keeps the cross-entropy, because its outputs are not classes.
/// </summary>
[JsonDerivedType(typeof(CrossEntropyLoss), "crossEntropy")]
[JsonDerivedType(typeof(FocalLoss), "focal")]
[JsonDerivedType(typeof(LdamLoss), "ldam")]
public abstract class ClassificationLoss
{
    private protected ClassificationLoss()
    {
    }

    /// <summary>-log p_y, where p is the softmax of the logits.</summary>
    public static ClassificationLoss CrossEntropy { get; } = new CrossEntropyLoss();

    /// <summary>
    /// -(1 - p_y)^gamma log p_y: a cross-entropy that is smaller for images that the network already classifies well (Lin et al. 2017). It
    /// does not depend on the classes' numbers of images.
    /// </summary>
    /// <param name="gamma">0 or above; 0 gives the cross-entropy. Default 2.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Gamma is below 0 or infinite.</exception>
    public static ClassificationLoss Focal(double gamma = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(gamma);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(gamma, double.MaxValue);
        return new FocalLoss(gamma);
    }

    /// <summary>
    /// Label-distribution-aware margin (Cao et al. 2019). Logits are scaled cosines between the embedding and the outputs' weights, without a
    /// bias. The label's logit must exceed the others by a margin proportional to n_i^(-1/4), which is larger for a class of few images. It is
    /// often combined with <see cref="SlaTrainer.Options.ClassWeighting"/> in the last fifth of training
    /// (<see cref="SlaTrainer.Options.DeferredReweighting"/>).
    /// </summary>
    /// <param name="largestMargin">The margin of the smallest class, as a cosine, 0 or above. Default 0.5.</param>
    /// <param name="scale">The factor from cosines to logits, above 0. Default 30.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static ClassificationLoss Ldam(double largestMargin = 0.5, double scale = 30)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(largestMargin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(largestMargin, double.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(scale, double.MaxValue);
        return new LdamLoss(largestMargin, scale);
    }

    /// <summary>The name and the values, such as <c>Ldam(0.5, 30)</c>.</summary>
    public abstract override string ToString();

    /// <summary>Whether the loss depends on the classes' numbers of images.</summary>
    [JsonIgnore]
    internal virtual bool KnowsClassCounts => false;

    /// <summary>The factor from cosines to logits in the heads; null for linear heads.</summary>
    [JsonIgnore]
    internal virtual double? CosineScale => null;

    /// <summary>The loss of each row.</summary>
    /// <param name="logits">Rows x outputs.</param>
    /// <param name="targets">The index of the right output, one for each row (int64).</param>
    /// <param name="labels">Class labels, one for each row (int64).</param>
    /// <param name="settings">Label smoothing, and the classes' numbers of images.</param>
    internal abstract Tensor OfRows(Tensor logits, Tensor targets, Tensor labels, ObjectiveSettings settings);
}
