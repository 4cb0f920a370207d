using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>Which classes are confused: a matrix of few classes, the most frequent confusions of many.</summary>
internal static class ConfusionsSection
{
    private const int MostClassesOfMatrix = 25;
    private const int MostConfusions = 20;

    public static XElement Of(Confusions confusions) =>
        confusions.ClassNames.Count <= MostClassesOfMatrix ? Matrix(confusions) : MostFrequent(confusions);

    private static XElement Matrix(Confusions confusions) => Html.Section(
        "Confusion matrix",
        Html.Paragraph("Numbers of images. A row is a true class, a column a predicted one."),
        Html.Div("wide",
            new XElement("table", new XAttribute("class", "matrix"),
                new XElement("thead", new XElement("tr", new XElement("th", ""), confusions.ClassNames.Select(Column))),
                new XElement("tbody", confusions.ClassNames.Select((name, truth) => Row(confusions, name, truth))))));

    private static XElement Column(string name) => new("th", new XAttribute("scope", "col"), Html.Span(name));

    private static XElement Row(Confusions confusions, string name, int truth) => new("tr",
        new XElement("th", new XAttribute("scope", "row"), Html.Text(name)),
        confusions.ClassNames.Select((_, predicted) => Cell(confusions, truth, predicted)));

    private static XElement Cell(Confusions confusions, int truth, int predicted) => new("td",
        new XAttribute("class", truth == predicted ? "right" : "wrong"),
        new XAttribute("style", Invariant($"--share: {confusions.Share(truth, predicted):P0}").Replace(" %", "%", StringComparison.Ordinal)),
        Invariant($"{confusions.Counts[truth][predicted]:0}"));

    private static XElement MostFrequent(Confusions confusions) => Html.Section(
        "Most frequent confusions",
        Html.Table(
            ["true class", "predicted class", "images", "share of the true class"],
            confusions.MostFrequent().Take(MostConfusions).Select(confusion =>
                Html.Row(confusion.Truth, confusion.Predicted, Invariant($"{confusion.Images:N0}"), Html.Percent(confusion.Share)))),
        Html.Note(Invariant($"A matrix is shown for {MostClassesOfMatrix} classes or fewer. This model has {confusions.ClassNames.Count:N0}.")));
}
