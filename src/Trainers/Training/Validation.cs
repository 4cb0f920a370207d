using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>What was measured at the end of an epoch.</summary>
/// <param name="Accuracy">Share of the validation rows whose class is predicted.</param>
/// <param name="Loss">Their mean cross-entropy.</param>
/// <param name="TrainingAccuracy">Share of training rows whose class is predicted; null where it was not asked for.</param>
internal readonly record struct EpochValidation(double Accuracy, double Loss, double? TrainingAccuracy);

/// <summary>Scores rows with a network that is being trained.</summary>
internal sealed class Validation(SlaNetwork network, Objective objective, ViewAugmenter views, BatchLoader loader)
{
    private const int BatchSize = 128;

    /// <summary>Share of rows whose most probable class is the label, 0 to 1, and the mean cross-entropy.</summary>
    public (double Accuracy, double Loss) Measure(RowSelection rows, Readout readout)
    {
        double correct = 0;
        double loss = 0;
        using var images = rows.Store.Open(rows.Rows);
        for (int start = 0; start < rows.Rows.Length; start += BatchSize)
        {
            using var scope = NewDisposeScope();
            var (logits, labels) = ClassLogits(images, Math.Min(BatchSize, rows.Rows.Length - start), readout);
            correct += logits.argmax(1).eq(labels).sum().item<long>();
            loss += nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.Sum).item<float>();
        }

        return (correct / rows.Rows.Length, loss / rows.Rows.Length);
    }

    /// <summary>Class logits of the next images, B x N, with running statistics in place of batch statistics, and their labels.</summary>
    public (Tensor Logits, Tensor Labels) ClassLogits(ImageSequence sequence, int count, Readout readout)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        network.eval();
        using var batch = loader.Load(sequence, count);
        Tensor images = loader.Normalize(batch.Images);
        Tensor inputs = readout.AllViews ? views.Views(images) : views.Images(images);
        Tensor logits = objective.ClassLogits(readout, network.forward(inputs), network.Heads);
        return (logits.MoveToOuterDisposeScope(), batch.Targets.Labels.alias().MoveToOuterDisposeScope());
    }
}
