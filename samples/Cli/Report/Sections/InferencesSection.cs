using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The ways to predict that the model defines, side by side.</summary>
internal static class InferencesSection
{
    public static XElement Of(IReadOnlyList<MeasuredInference> inferences) => Html.Section(
        "Ways to predict",
        Html.Paragraph("Single looks at the image as it is; aggregated averages its views, in as many passes; distilled asks the head that was taught by that average, in one pass. An objective defines some of them."),
        Html.Table(["inference", "accuracy", "95 % interval", "macro accuracy", "log-loss", "calibration error", "images/s"], inferences.Select(Row)),
        Html.Div("charts",
            Chart.Bars("Accuracy with its 95 % interval", [.. inferences.Select(inference => (inference.Name, inference.Evaluation.Accuracy, inference.HalfWidth))]),
            Chart.OfShares("Calibration", "probability of the predicted class", "share that is right", inferences.Select(Curve))),
        Html.Note(
            "The interval is that of the accuracy by itself; the inferences are measured on the same images. The calibration error is the mean distance of the line from the diagonal, by the images of ten bins. "
            + "Images a second: read, decoded and scored."));

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
