using Microsoft.ML;
using Microsoft.ML.Sla;

namespace Sla.Report;

/// <summary>What a report about a model shows.</summary>
/// <param name="Name">The name of the model's file.</param>
/// <param name="Model">The model.</param>
/// <param name="Measured">How well it predicts; null where there are no images to measure it on.</param>
/// <param name="Run">The run that made it; null where it is not known.</param>
/// <param name="Search">The search that found it; null where it was trained without one.</param>
internal sealed record ModelReport(string Name, ReportedModel Model, MeasuredImages? Measured, ReportedRun? Run, SlaExperimentResult? Search)
{
    /// <summary>Scores images in every way that the model defines.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="images">Labelled images to measure it on; null where there are none.</param>
    /// <param name="scored">The model's scores of them.</param>
    /// <param name="run">The run that made it; null where it is not known.</param>
    /// <param name="search">The search that found it; null where it was trained without one.</param>
    /// <param name="cancellationToken">Ends the scoring.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ModelReport Of(
        MLContext mlContext,
        SlaTransformer model,
        string path,
        ImageSet? images,
        ScoredImages? scored,
        ReportedRun? run = null,
        SlaExperimentResult? search = null,
        CancellationToken cancellationToken = default)
    {
        var measured = images is null || scored is null ? null : MeasuredImages.Of(mlContext, model, images, scored, cancellationToken);
        return new ModelReport(Path.GetFileName(path), ReportedModel.Of(model), measured, run, search);
    }
}
