using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>The measurement at the end of an epoch.</summary>
/// <param name="Accuracy">Share of the validation rows whose class is predicted.</param>
/// <param name="Loss">Mean cross-entropy of the validation rows.</param>
/// <param name="TrainingAccuracy">Share of training rows whose class is predicted; null if the options do not ask for it.</param>
internal readonly record struct EpochValidation(double Accuracy, double Loss, double? TrainingAccuracy);

/// <summary>Scores rows with a network that is being trained.</summary>
internal sealed class NetworkScorer(SlaNetwork network, Objective objective, ViewAugmenter views, BatchLoader loader)
{
    private const int BatchSize = 128;

    /// <summary>Scores each of the rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="readout">How they are scored.</param>
    /// <param name="checkCancellation">Called between batches; throws to stop the scoring.</param>
    public RowScores Score(RowSelection rows, Readout readout, Action checkCancellation)
    {
        var (labels, isRight, losses) = (new int[rows.Rows.Length], new bool[rows.Rows.Length], new float[rows.Rows.Length]);
        using var images = rows.Store.Open(rows.Rows);
        for (int start = 0; start < labels.Length; start += BatchSize)
        {
            checkCancellation();
            using var scope = NewDisposeScope();
            var (logits, classes) = ClassLogits(images, Math.Min(BatchSize, labels.Length - start), readout);
            logits.argmax(1).eq(classes).data<bool>().CopyTo(isRight, start);
            nn.functional.cross_entropy(logits, classes, reduction: nn.Reduction.None).data<float>().CopyTo(losses, start);
            for (int row = start; row < Math.Min(start + BatchSize, labels.Length); row++)
                labels[row] = rows.Store.Label(rows.Rows[row]);
        }

        return new RowScores(labels, isRight, losses);
    }

    /// <summary>Measures what the rows say about each of the objective's inferences.</summary>
    /// <param name="rows">Rows that the network was not trained on.</param>
    /// <param name="checkCancellation">Called between batches; throws to stop the scoring.</param>
    public IReadOnlyList<Calibration> Calibrate(RowSelection rows, Action checkCancellation)
    {
        var scores = new HeldOutScores(objective);
        using var images = rows.Store.Open(rows.Rows);
        for (int start = 0; start < rows.Rows.Length; start += BatchSize)
        {
            checkCancellation();
            int count = Math.Min(BatchSize, rows.Rows.Length - start);
            using var embeddings = Embeddings(images, count, allViews: scores.Views > 1, out var classes);
            using (classes)
                scores.Add(embeddings, network.Heads, classes);
        }

        return scores.Calibrate();
    }

    /// <summary>Class logits of the next images, B x N, with running statistics in place of batch statistics, and their labels.</summary>
    public (Tensor Logits, Tensor Labels) ClassLogits(ImageSequence sequence, int count, Readout readout)
    {
        using var noGradient = no_grad();
        using var embeddings = Embeddings(sequence, count, readout.AllViews, out var labels);
        return (objective.ClassLogits(readout, embeddings, network.Heads), labels);
    }

    /// <summary>Embeddings of the next images, B*M x D or B x D, and their labels.</summary>
    private Tensor Embeddings(ImageSequence sequence, int count, bool allViews, out Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        network.eval();
        using var batch = loader.Load(sequence, count);
        Tensor images = loader.Normalize(batch.Images);
        labels = batch.Targets.Labels.alias().MoveToOuterDisposeScope();
        return network.forward(allViews ? views.Views(images) : views.Images(images)).MoveToOuterDisposeScope();
    }
}
