using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The name of the model, and how well it does.</summary>
internal static class HeadingSection
{
    public static XElement Of(ModelReport report) => new("header",
        new XElement("h1", Html.Text(report.Name)),
        Html.Paragraph(report.Model.Summary),
        report.Measured is { } measured
            ? Measured(measured, report.Run is not null, report.Search is not null)
            : Html.Paragraph("All images were trained on, so there is nothing to measure the model on. Keep some with --validation-fraction or --validation, or run sla evaluate --report."));

    private static XElement[] Measured(MeasuredImages measured, bool isOfRun, bool isOfSearch)
    {
        var (evaluation, calibration) = measured.Inferences[0];
        return
        [
            new XElement("dl", new XAttribute("class", "tiles"),
                Tile("accuracy", Html.Percent(evaluation.Accuracy)),
                Tile("macro accuracy", Html.Percent(evaluation.MacroAccuracy)),
                Tile("log-loss", Invariant($"{evaluation.LogLoss:F3}")),
                Tile("calibration error", Html.Percent(calibration.Error)),
                Tile("images", Invariant($"{evaluation.Images:N0}")),
                Tile("images a second", Invariant($"{evaluation.ImagesPerSecond:N0}"))),
            Html.Note($"Measured on images of '{measured.Source}'.{(isOfRun ? $" They were not trained on. The {(isOfSearch ? "trial" : "epoch")} was chosen by them." : "")}"),
        ];
    }

    private static XElement Tile(string name, string value) => new("div", new XElement("dt", name), new XElement("dd", value));
}
