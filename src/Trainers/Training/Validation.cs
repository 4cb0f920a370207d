using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Scores rows with a network that is being trained.</summary>
internal sealed class Validation(SlaNetwork network, Objective objective, ViewAugmenter views, BatchLoader loader)
{
    private const int BatchSize = 128;

    /// <summary>Share of rows whose most probable class is the label, 0 to 1.</summary>
    public double Accuracy(ReadOnlySpan<int> rows, Readout readout)
    {
        long correct = 0;
        for (int start = 0; start < rows.Length; start += BatchSize)
        {
            using var scope = NewDisposeScope();
            var (logits, labels) = ClassLogits(rows.Slice(start, Math.Min(BatchSize, rows.Length - start)), readout);
            correct += logits.argmax(1).eq(labels).sum().item<long>();
        }

        return (double)correct / rows.Length;
    }

    /// <summary>Class logits of rows, B x N, with running statistics in place of batch statistics, and their labels.</summary>
    public (Tensor Logits, Tensor Labels) ClassLogits(ReadOnlySpan<int> rows, Readout readout)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        network.eval();
        var (images, labels) = loader.Load(rows, augmentation: null, Random.Shared);
        Tensor inputs = readout.AllViews ? views.Views(images) : views.Images(images);
        Tensor logits = objective.ClassLogits(readout, network.forward(inputs), network.Heads);
        return (logits.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope());
    }
}
