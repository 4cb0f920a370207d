using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>The objective of a training step: which views of a batch it shows, and the loss of their embeddings.</summary>
internal interface IStepObjective
{
    /// <summary>Draws the views of a batch.</summary>
    /// <param name="labels">y, B class labels.</param>
    /// <param name="viewsPerStep">k, the number of views of an image. Ignored by objectives with a fixed number.</param>
    /// <param name="random">The source of random numbers.</param>
    ViewDraw Draw(Tensor labels, int viewsPerStep, Random random);

    /// <summary>The loss of a batch, the weighted mean over its B images.</summary>
    /// <param name="embeddings">z, B*k x D, of the drawn views.</param>
    /// <param name="heads">The network's heads.</param>
    /// <param name="targets">y, the class labels of B images; a mixed image has two labels with their shares.</param>
    /// <param name="draw">The views.</param>
    /// <returns>A scalar.</returns>
    Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw);
}
