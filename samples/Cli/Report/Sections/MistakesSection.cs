using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The images that the model gets most wrong, with the views as the network sees them.</summary>
internal static class MistakesSection
{
    public static XElement Of(WorstMistakes mistakes) => mistakes.Count == 0
        ? Html.Section("Mistakes", Html.Paragraph("There are none."))
        : Html.Section(
            "Worst mistakes",
            Html.Paragraph(Invariant($"The {mistakes.Worst.Count} of {Plural.Of(mistakes.Count, "mistake", "N0")} with the lowest probability of the true class. The small pictures are the views as the network sees them, each with its own prediction.")),
            Html.Div("mistakes", mistakes.Worst.Select(Card)));

    private static XElement Card(Mistake mistake) => new("article",
        Html.Picture(mistake.Picture, $"An image of the class {mistake.Label}", "photo"),
        new XElement("div",
            new XElement("p", Html.Bold(mistake.Label), Invariant($" {mistake.Probability:P1}, predicted "), Html.Bold(mistake.Predicted.Name), Invariant($" {mistake.Predicted.Probability:P1}")),
            new XElement("p", new XAttribute("class", "path"), Html.Text(mistake.File)),
            new XElement("ul", mistake.Views.Select(view => View(view, isRight: view.Says.Name == mistake.Label)))));

    private static XElement View(SeenView view, bool isRight) => new("li",
        new XAttribute("class", isRight ? "right" : "wrong"),
        Html.Picture(view.Picture, $"The view {view.Transformation}", "view"),
        Html.Span(view.Transformation),
        Html.Bold(view.Says.Name),
        Html.Span(Html.Percent(view.Says.Probability)));
}
