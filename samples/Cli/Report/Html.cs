using System.Xml;
using System.Xml.Linq;
using static System.FormattableString;

namespace Sla.Report;

/// <summary>Makes the elements that the sections of a report consist of.</summary>
internal static class Html
{
    public static XElement Section(string title, params object?[] content) => new("section", new XElement("h2", title), content);

    public static XElement Paragraph(string text) => new("p", Text(text));

    /// <summary>A paragraph that explains what is above it.</summary>
    public static XElement Note(string text) => new("p", new XAttribute("class", "note"), Text(text));

    public static XElement Div(string kind, params object?[] content) => new("div", new XAttribute("class", kind), content);

    public static XElement Bold(string text) => new("b", Text(text));

    public static XElement Span(string text) => new("span", Text(text));

    public static XElement Table(string[] columns, IEnumerable<XElement> rows, string kind = "wide") => Div(
        kind,
        new XElement("table",
            new XElement("thead", new XElement("tr", columns.Select(column => new XElement("th", new XAttribute("scope", "col"), column)))),
            new XElement("tbody", rows)));

    public static XElement Row(params string[] cells) => new("tr", cells.Select(cell => new XElement("td", Text(cell))));

    public static XElement Picture(string address, string alt, string kind) =>
        new("img", new XAttribute("src", address), new XAttribute("alt", Text(alt)), new XAttribute("class", kind));

    /// <summary>A share, or a dash where there is none.</summary>
    public static string Percent(double? share) => share is { } value ? Invariant($"{value:P1}") : "-";

    /// <summary>A text without the characters that a page may not have: names of files and classes may have them.</summary>
    public static string Text(string text) => string.Concat(text.EnumerateRunes().Select(rune =>
        rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? "\uFFFD" : rune.ToString()));
}
