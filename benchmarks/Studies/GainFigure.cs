using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Gains in accuracy, in points, with their 95% intervals.</summary>
internal static class GainFigure
{
    private const int Width = 760;
    private const int HeightBySize = 420;
    private const int RowHeight = 28;
    private const int Frame = 110;
    private const int LegendSpacing = 48;

    /// <summary>Room for what the readers' font makes a letter wider, for the same reason as <see cref="LetterWidth"/>.</summary>
    private const double LegendSpacingByLetter = 2.2;

    private const int LegendLine = 16;
    private const string Browser = "chromium";

    /// <summary>Width of a letter in pixels, reckoned with some room: OxyPlot measures with a narrower font than readers have.</summary>
    private const double LetterWidth = 6.3;

    /// <summary>Colours that are told apart with colour blindness too (Okabe and Ito 2008).</summary>
    private static readonly OxyColor[] Colors = [.. new[] { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9" }.Select(OxyColor.Parse)];

    private static readonly OxyColor Muted = OxyColor.Parse("#8a8a8a");
    private static readonly OxyColor Grid = OxyColor.Parse("#e4e4e4");

    /// <summary>Draws lines over sizes.</summary>
    /// <param name="path">Path of the files, without extension: an SVG, and a PNG where the browser that draws it is installed.</param>
    /// <param name="title">What the figure shows.</param>
    /// <param name="axis">What a size is.</param>
    /// <param name="sizes">Names of the sizes.</param>
    /// <param name="lines">Name of each line, and its gain at each size; null where there is none.</param>
    public static void WriteBySize(string path, string title, string axis, IReadOnlyList<string> sizes, IReadOnlyList<(string Name, IReadOnlyList<Estimate?> Gains)> lines)
    {
        var plot = NewPlot(title);
        plot.Axes.Add(NewAxis(AxisPosition.Left, [.. lines.SelectMany(line => line.Gains).OfType<Estimate>()]));
        var names = new CategoryAxis { Position = AxisPosition.Bottom, Title = axis, TickStyle = TickStyle.None, AxisTitleDistance = 12 };
        names.Labels.AddRange(sizes);
        plot.Axes.Add(names);
        plot.Series.Add(Zero(new DataPoint(-0.5, 0), new DataPoint(sizes.Count - 0.5, 0)));
        foreach (var (number, (name, gains)) in lines.Index())
        {
            // Side by side, so that no interval hides another.
            double shift = (number - ((lines.Count - 1) / 2.0)) * 0.09;
            var color = Colors[number % Colors.Length];
            var line = new LineSeries { Title = name, Color = color, StrokeThickness = 1.5, MarkerType = MarkerType.Circle, MarkerFill = color, MarkerSize = 4 };
            var intervals = NewPoints(color);
            foreach (var (size, gain) in gains.Index().Where(entry => entry.Item is not null))
            {
                line.Points.Add(new DataPoint(size + shift, gain!.Mean));
                intervals.Points.Add(new ScatterErrorPoint(size + shift, gain.Mean, 0, IntervalWidth(gain)));
            }

            plot.Series.Add(intervals);
            plot.Series.Add(line);
        }

        bool fitsOneLine = lines.Sum(line => (LetterWidth * line.Name.Length) + LegendSpacing) <= Width;
        plot.Legends.Add(new Legend
        {
            LegendPosition = LegendPosition.TopCenter,
            LegendPlacement = LegendPlacement.Outside,
            LegendOrientation = fitsOneLine ? LegendOrientation.Horizontal : LegendOrientation.Vertical,
            LegendItemSpacing = Math.Max(LegendSpacing, LegendSpacingByLetter * lines.Max(line => line.Name.Length)),
            LegendLineSpacing = 6,
        });
        Write(path, plot, fitsOneLine ? HeightBySize : HeightBySize + (LegendLine * lines.Count));
    }

    /// <summary>Draws gains one below the other.</summary>
    /// <param name="path">Path of the files, without extension: an SVG, and a PNG where the browser that draws it is installed.</param>
    /// <param name="title">What the figure shows.</param>
    /// <param name="rows">Names and gains, from the top.</param>
    public static void WriteRows(string path, string title, IReadOnlyList<(string Name, Estimate Gain)> rows)
    {
        var plot = NewPlot(title);
        plot.PlotMargins = new OxyThickness(LetterWidth * rows.Max(row => row.Name.Length), double.NaN, double.NaN, double.NaN);
        plot.Axes.Add(NewAxis(AxisPosition.Bottom, [.. rows.Select(row => row.Gain)]));
        var names = new CategoryAxis { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, TickStyle = TickStyle.None };
        names.Labels.AddRange(rows.Select(row => row.Name));
        plot.Axes.Add(names);
        plot.Series.Add(Zero(new DataPoint(0, -0.5), new DataPoint(0, rows.Count - 0.5)));
        var points = NewPoints(Colors[0]);
        points.MarkerType = MarkerType.Circle;
        points.Points.AddRange(rows.Select((row, number) => new ScatterErrorPoint(row.Gain.Mean, number, IntervalWidth(row.Gain), 0)));
        plot.Series.Add(points);
        Write(path, plot, Frame + (RowHeight * rows.Count));
    }

    /// <summary>The whole interval, as the series wants it; none is drawn of one seed.</summary>
    private static double IntervalWidth(Estimate gain) => double.IsNaN(gain.HalfInterval) ? 0 : 2 * gain.HalfInterval;

    private static PlotModel NewPlot(string title) => new()
    {
        Title = title,
        TitleFontSize = 15,
        TitleFontWeight = FontWeights.Normal,
        TitleHorizontalAlignment = TitleHorizontalAlignment.CenteredWithinView,
        Background = OxyColors.White,
        PlotAreaBorderThickness = new OxyThickness(0),
        DefaultFont = "Helvetica, Arial, sans-serif",
        DefaultFontSize = 12,
        Culture = CultureInfo.InvariantCulture,
        Padding = new OxyThickness(12),
    };

    /// <summary>An axis that all intervals and zero fit on.</summary>
    private static LinearAxis NewAxis(AxisPosition position, IReadOnlyList<Estimate> gains)
    {
        double lowest = Math.Min(0, gains.Min(gain => gain.Mean - (IntervalWidth(gain) / 2)));
        double highest = Math.Max(0, gains.Max(gain => gain.Mean + (IntervalWidth(gain) / 2)));
        double margin = Math.Max(0.5, (highest - lowest) / 20);
        return new LinearAxis
        {
            Position = position,
            Minimum = lowest - margin,
            Maximum = highest + margin,
            Title = "gain in accuracy, points",
            StringFormat = "+0.#;-0.#;0",
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = Grid,
            TickStyle = TickStyle.None,
            AxisTitleDistance = 12,
        };
    }

    private static ScatterErrorSeries NewPoints(OxyColor color) => new()
    {
        MarkerType = MarkerType.None,
        MarkerSize = 4,
        MarkerFill = color,
        ErrorBarColor = color,
        ErrorBarStopWidth = 4,
        ErrorBarStrokeThickness = 1.5,
    };

    private static LineSeries Zero(params DataPoint[] ends)
    {
        var line = new LineSeries { Color = Muted, StrokeThickness = 1 };
        line.Points.AddRange(ends);
        return line;
    }

    private static void Write(string path, PlotModel plot, int height)
    {
        Unclipped(new SvgExporter { Width = Width, Height = height, IsDocument = false }.ExportToString(plot)).Save(path + ".svg");
        WritePng(path, height);
    }

    /// <summary>Takes the clipping out: nothing is drawn outside of the axes, text may be wider than it was reckoned, and ids would not be one of a kind in a page.</summary>
    private static XElement Unclipped(string text)
    {
        var svg = XElement.Parse(text);
        svg.Descendants(svg.Name.Namespace + "defs").Remove();
        foreach (var element in svg.Descendants())
            element.SetAttributeValue("clip-path", null);
        return svg;
    }

    private static void WritePng(string path, int height)
    {
        string profile = Directory.CreateTempSubdirectory("sla-figure-").FullName;
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", $"--user-data-dir={profile}", $"--window-size={Width},{height}",
            "--force-device-scale-factor=2", $"--screenshot={Path.GetFullPath(path)}.png", $"file://{Path.GetFullPath(path)}.svg",
        ];
        try
        {
            using var browser = Process.Start(new ProcessStartInfo(Browser, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var output = Task.WhenAll(browser.StandardError.ReadToEndAsync(), browser.StandardOutput.ReadToEndAsync());
            browser.WaitForExit();
            output.Wait();
        }
        catch (Win32Exception)
        {
            Console.Error.WriteLine($"{path}.png is not made: {Browser} is not installed.");
        }
        finally
        {
            Directory.Delete(profile, recursive: true);
        }
    }
}
