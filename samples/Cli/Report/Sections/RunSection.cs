using System.Xml.Linq;

namespace Sla.Report.Sections;

/// <summary>Lists of facts about the model and the run that made it.</summary>
internal static class RunSection
{
    /// <param name="model">Names and values of the model.</param>
    /// <param name="run">The run that made it; null where it is not known.</param>
    public static XElement Of(IReadOnlyList<(string Name, string Value)> model, ReportedRun? run) => Html.Section(
        "The run",
        Html.Div("facts",
            List("Model", model),
            run is null ? null : List("Data", run.Data),
            run is null ? null : List("Options", run.Options),
            run is null ? null : List("Time and speed", run.Speed)));

    private static XElement List(string title, IReadOnlyList<(string Name, string Value)> entries) => new("div",
        new XElement("h3", title),
        new XElement("dl", entries.Select(entry => new[] { new XElement("dt", Html.Text(entry.Name)), new XElement("dd", Html.Text(entry.Value)) })));
}
