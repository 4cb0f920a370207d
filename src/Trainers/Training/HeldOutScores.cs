using Microsoft.ML.Sla.Networks;
using Microsoft.ML.Sla.Objectives;
using Microsoft.ML.Sla.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Training;

/// <summary>Collects what a network says of rows that it was not trained on, in each of the objective's ways to score.</summary>
/// <param name="objective">The objective.</param>
internal sealed class HeldOutScores(Objective objective)
{
    private readonly Scores[] _scores = [.. objective.Inferences.Select(inference => new Scores(inference.Inference, inference.Readout))];
    private readonly List<long> _labels = [];

    /// <summary>Number of views of an image that the embeddings must have.</summary>
    public int Views { get; } = objective.Inferences.Any(inference => inference.Readout.AllViews) ? objective.Views : 1;

    /// <summary>Adds rows.</summary>
    /// <param name="embeddings">The embeddings of their views, B*<see cref="Views"/> x D, image by image.</param>
    /// <param name="heads">The heads.</param>
    /// <param name="labels">The class of each row, B.</param>
    public void Add(Tensor embeddings, Heads heads, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor untransformed = Views == 1 ? embeddings : embeddings.view(-1, Views, embeddings.shape[1]).select(1, 0);
        foreach (var scores in _scores)
        {
            Tensor ofReadout = scores.Readout.AllViews ? embeddings : untransformed;
            scores.Logits.AddRange(Values(objective.ClassLogits(scores.Readout, ofReadout, heads)));
            if (objective.JointProbabilities(scores.Readout, ofReadout, heads) is { } joint)
                scores.Joint.AddRange(Values(joint));
        }

        _labels.AddRange(labels.cpu().data<long>().ToArray());
    }

    /// <summary>What the rows say about each inference.</summary>
    public IReadOnlyList<Calibration> Calibrate() =>
        [.. _scores.Select(scores => Calibration.Of(scores.Inference, [.. scores.Logits], [.. scores.Joint], [.. _labels.Select(label => (int)label)]))];

    private static float[] Values(Tensor tensor) => tensor.cpu().contiguous().data<float>().ToArray();

    private sealed record Scores(SlaInference Inference, Readout Readout)
    {
        public List<float> Logits { get; } = [];

        public List<float> Joint { get; } = [];
    }
}
