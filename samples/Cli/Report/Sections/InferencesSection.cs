using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The ways to predict that the model defines, side by side.</summary>
internal static class InferencesSection
{
    public static XElement Of(IReadOnlyList<MeasuredInference> inferences) => Html.Section(
        "Ways to predict",
        Html.Paragraph("Single scores the image without a transformation, in one pass. Aggregated averages the scores of all views, in one pass each. Distilled uses the head that was trained to match this average, in one pass. The objective decides which of them a model has."),
        Html.Table(["inference", "accuracy", "95 % interval", "macro accuracy", "log-loss", "calibration error", "images/s"], inferences.Select(Row)),
        Html.Div("charts",
            Chart.Bars("Accuracy with its 95 % interval", [.. inferences.Select(inference => (inference.Name, inference.Evaluation.Accuracy, inference.HalfWidth))]),
            Chart.OfShares("Calibration", "probability of the predicted class", "share that is right", inferences.Select(Curve))),
        Html.Note(
            "The interval is that of each accuracy alone. All inferences are measured on the same images. "
            + "The calibration error is the mean distance of the line from the diagonal over ten bins, weighted by their images. Images a second are read, decoded and scored."));

    private static XElement Row(MeasuredInference inference) => Html.Row(
        inference.Name,
        Html.Percent(inference.Evaluation.Accuracy),
        Invariant($"± {inference.HalfWidth:P1}"),
        Html.Percent(inference.Evaluation.MacroAccuracy),
        Invariant($"{inference.Evaluation.LogLoss:F3}"),
        Html.Percent(inference.Calibration.Error),
        Invariant($"{inference.Evaluation.ImagesPerSecond:N0}"));

    private static ChartLine Curve(MeasuredInference inference) =>
        new(inference.Name, [.. inference.Calibration.Bins.Select(bin => (bin.Confidence, bin.Accuracy))]);
}
