using System.Globalization;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Sla.Report;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Points">Its points, from the left to the right.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Draws charts as SVG whose colours are the page's, so that they follow its scheme.</summary>
internal static class Chart
{
    private const int Width = 380;
    private const int Height = 250;

    /// <summary>Room for text that is wider in the reader's font than in the one that OxyPlot measures with.</summary>
    private const int Margin = 16;

    private const int MostMarkers = 30;

    /// <summary>Colours that stand for variables of the style sheet: OxyPlot knows numbers only.</summary>
    private static readonly (OxyColor Color, string Variable)[] Scheme =
        [.. new[] { "--text", "--muted", "--grid", "--series-1", "--series-2", "--series-3" }.Select((variable, i) => (OxyColor.FromRgb(1, 1, (byte)(i + 1)), $"var({variable})"))];

    /// <summary>Draws lines by epoch.</summary>
    /// <param name="title">What the chart shows.</param>
    /// <param name="format">Format of the values.</param>
    /// <param name="lines">The lines.</param>
    public static XElement ByEpoch(string title, string format, params IEnumerable<ChartLine> lines)
    {
        var plot = NewPlot();
        plot.Axes.Add(NewAxis(AxisPosition.Bottom, "epoch", "0"));
        plot.Axes[0].MinimumMajorStep = 1;
        plot.Axes.Add(NewAxis(AxisPosition.Left, "", format));
        AddLines(plot, lines);
        return Draw(title, plot);
    }

    /// <summary>Draws lines by the seconds of a search, some of them highlighted.</summary>
    /// <param name="title">What the chart shows.</param>
    /// <param name="format">Format of the values.</param>
    /// <param name="lines">The lines, and whether each is highlighted.</param>
    public static XElement ByTime(string title, string format, IEnumerable<(bool IsHighlighted, ChartLine Line)> lines)
    {
        var plot = NewPlot();
        plot.Axes.Add(NewAxis(AxisPosition.Bottom, "seconds", "0"));
        plot.Axes.Add(NewAxis(AxisPosition.Left, "", format));
        foreach (var (isHighlighted, line) in lines.OrderBy(line => line.IsHighlighted))
            plot.Series.Add(NewSeries(line, Color(isHighlighted ? "--series-1" : "--muted"), isHighlighted ? 2 : 1));
        return Draw(title, plot);
    }

    /// <summary>Draws shares against shares, 0 to 1, with the diagonal on which they are equal.</summary>
    /// <param name="title">What the chart shows.</param>
    /// <param name="x">Name of the horizontal axis.</param>
    /// <param name="y">Name of the vertical axis.</param>
    /// <param name="lines">The lines.</param>
    public static XElement OfShares(string title, string x, string y, params IEnumerable<ChartLine> lines)
    {
        var plot = NewPlot();
        foreach (var (position, name) in new[] { (AxisPosition.Bottom, x), (AxisPosition.Left, y) })
        {
            var axis = NewAxis(position, name, "P0");
            (axis.Minimum, axis.Maximum, axis.MajorStep) = (0, 1, 0.2);
            plot.Axes.Add(axis);
        }

        var diagonal = new LineSeries { Color = Color("--muted"), StrokeThickness = 1, LineStyle = LineStyle.Dash };
        diagonal.Points.AddRange([new DataPoint(0, 0), new DataPoint(1, 1)]);
        plot.Series.Add(diagonal);
        AddLines(plot, lines);
        return Draw(title, plot);
    }

    /// <summary>Draws a share, 0 to 1, of each of some things as a bar, with the interval that it lies in.</summary>
    /// <param name="title">What the chart shows.</param>
    /// <param name="bars">Name, share and half the width of its interval, from the top.</param>
    public static XElement Bars(string title, IReadOnlyList<(string Name, double Share, double Error)> bars)
    {
        var plot = NewPlot();
        plot.Padding = new OxyThickness(2 * Margin, 4, Margin, 0);
        var values = NewAxis(AxisPosition.Bottom, "", "P0");
        (values.Minimum, values.Maximum) = (0, 1);
        var names = new CategoryAxis { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, GapWidth = 0.6, TickStyle = TickStyle.None };
        names.Labels.AddRange(bars.Select(bar => bar.Name));
        plot.Axes.Add(values);
        plot.Axes.Add(names);
        var series = new ErrorBarSeries { FillColor = Color("--series-1"), StrokeThickness = 0, ErrorStrokeThickness = 1.5, ErrorWidth = 0.3 };
        series.StrokeColor = Color("--text");
        series.Items.AddRange(bars.Select(bar => new ErrorBarItem(bar.Share, bar.Error)));
        plot.Series.Add(series);
        return Draw(title, plot);
    }

    private static OxyColor Color(string variable) => Scheme.Single(entry => entry.Variable == $"var({variable})").Color;

    private static PlotModel NewPlot() => new()
    {
        Background = OxyColors.Undefined,
        TextColor = Color("--text"),
        PlotAreaBorderThickness = new OxyThickness(0),
        DefaultFont = "system-ui, sans-serif",
        DefaultFontSize = 12,
        Culture = CultureInfo.InvariantCulture,
        Padding = new OxyThickness(Margin, 4, Margin, 0),
    };

    private static LinearAxis NewAxis(AxisPosition position, string title, string format) => new()
    {
        Position = position,
        Title = title,
        StringFormat = format,
        TicklineColor = Color("--muted"),
        TickStyle = TickStyle.None,
        AxisTitleDistance = position == AxisPosition.Left ? Margin : 6,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = Color("--grid"),
        MajorGridlineThickness = 1,
        MinorTickSize = 0,
        IntervalLength = position == AxisPosition.Left ? 40 : 60,
        MinimumPadding = 0.02,
        MaximumPadding = 0.05,
    };

    private static void AddLines(PlotModel plot, IEnumerable<ChartLine> lines)
    {
        int number = 0;
        foreach (var line in lines)
            plot.Series.Add(NewSeries(line, Color($"--series-{++number}"), thickness: 2));

        if (number > 1)
        {
            plot.Legends.Add(new Legend
            {
                LegendPosition = LegendPosition.TopLeft,
                LegendPlacement = LegendPlacement.Outside,
                LegendOrientation = LegendOrientation.Horizontal,
                LegendPadding = 0,
                LegendMargin = 0,
                LegendItemSpacing = 32,
            });
        }
    }

    private static LineSeries NewSeries(ChartLine line, OxyColor color, double thickness)
    {
        var series = new LineSeries { Title = line.Name, Color = color, StrokeThickness = thickness, MarkerFill = color, MarkerSize = 3 };
        series.MarkerType = line.Points.Count <= MostMarkers ? MarkerType.Circle : MarkerType.None;
        series.Points.AddRange(line.Points.Select(point => new DataPoint(point.X, point.Y)));
        return series;
    }

    private static XElement Draw(string title, PlotModel plot)
    {
        string text = new SvgExporter { Width = Width, Height = Height, IsDocument = false }.ExportToString(plot);
        foreach (var (color, variable) in Scheme)
            text = text.Replace($"rgb({color.R},{color.G},{color.B})", variable, StringComparison.Ordinal);

        var svg = Svg.Unclipped(text);
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("viewBox", $"0 0 {Width} {Height}");
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", title);
        return new XElement("figure", new XElement("figcaption", title), svg);
    }
}
