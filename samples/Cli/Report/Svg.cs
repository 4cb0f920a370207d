using System.Xml.Linq;

namespace Sla.Report;

/// <summary>Prepares a drawing of OxyPlot for a page.</summary>
internal static class Svg
{
    /// <summary>Removes the clipping. Nothing is drawn outside of the axes, text may be wider than OxyPlot measured, and its ids would not be unique in a page.</summary>
    public static XElement Unclipped(string text)
    {
        var svg = XElement.Parse(text);
        svg.Descendants(svg.Name.Namespace + "defs").Remove();
        foreach (var element in svg.Descendants())
            element.SetAttributeValue("clip-path", null);
        return svg;
    }
}
