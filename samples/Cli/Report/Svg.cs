using System.Xml.Linq;

namespace Sla.Report;

/// <summary>What becomes of a drawing of OxyPlot.</summary>
internal static class Svg
{
    /// <summary>Takes the clipping out: nothing is drawn outside of the axes, text may be wider than it was reckoned, and ids would not be one of a kind in a page.</summary>
    public static XElement Unclipped(string text)
    {
        var svg = XElement.Parse(text);
        svg.Descendants(svg.Name.Namespace + "defs").Remove();
        foreach (var element in svg.Descendants())
            element.SetAttributeValue("clip-path", null);
        return svg;
    }
}
