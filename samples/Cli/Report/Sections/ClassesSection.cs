using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>Precision and recall of each class, or of those that the model is worst at.</summary>
internal static class ClassesSection
{
    private const int Most = 200;

    public static XElement Of(IReadOnlyList<ClassEvaluation> classes)
    {
        var shown = classes.Count <= Most ? classes : [.. classes.Where(c => c.F1 is not null).OrderBy(c => c.F1).Take(Most)];
        return Html.Section(
            "Classes",
            shown.Count < classes.Count ? Html.Paragraph(Invariant($"The {shown.Count:N0} of {classes.Count:N0} classes with the lowest F1.")) : null,
            Html.Table(["class", "images", "precision", "recall", "F1"], shown.Select(Row)));
    }

    private static XElement Row(ClassEvaluation c) =>
        Html.Row(c.Name, Invariant($"{c.Images:N0}"), Html.Percent(c.Precision), Html.Percent(c.Recall), Html.Percent(c.F1));
}
