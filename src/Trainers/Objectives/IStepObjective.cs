using Microsoft.ML.Sla.Data;
using Microsoft.ML.Sla.Networks;
using static TorchSharp.torch;

namespace Microsoft.ML.Sla.Objectives;

/// <summary>What a training step minimises: the views that it shows of a batch, and the loss of their embeddings.</summary>
internal interface IStepObjective
{
    /// <summary>Draws the views of a batch.</summary>
    /// <param name="labels">y, B class labels.</param>
    /// <param name="viewsPerStep">k, the number of views of an image, where the objective leaves a choice.</param>
    /// <param name="random">The source of random numbers.</param>
    ViewDraw Draw(Tensor labels, int viewsPerStep, Random random);

    /// <summary>The loss of a batch, averaged over its B images by their weights.</summary>
    /// <param name="embeddings">z, B*k x D, of the views that were drawn.</param>
    /// <param name="heads">The network's heads.</param>
    /// <param name="targets">y, B class labels, or two each with their shares.</param>
    /// <param name="draw">The views.</param>
    /// <returns>A scalar.</returns>
    Tensor Loss(Tensor embeddings, Heads heads, ClassTargets targets, ViewDraw draw);
}
