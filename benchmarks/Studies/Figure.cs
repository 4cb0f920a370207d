using System.Diagnostics;
using System.Globalization;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Microsoft.ML.Sla.Studies;

/// <summary>Gains in accuracy with their 95% intervals: by size of the training set where there are several, and otherwise one below the other.</summary>
internal sealed class Figure(Study study, IReadOnlyList<Comparison> comparisons)
{
    private const int Width = 760;
    private const int RowHeight = 30;
    private const int Frame = 110;
    private const string Browser = "chromium";

    /// <summary>Colours that are told apart with colour blindness too (Okabe and Ito 2008).</summary>
    private static readonly OxyColor[] Colors =
        [.. new[] { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9" }.Select(OxyColor.Parse)];

    private static readonly OxyColor Muted = OxyColor.Parse("#8a8a8a");
    private static readonly OxyColor Grid = OxyColor.Parse("#e4e4e4");

    private readonly Comparison[] _compared = [.. comparisons.Where(comparison => comparison.Gains is not null)];

    /// <summary>Writes the SVG, and the PNG where the browser that draws it is installed.</summary>
    /// <param name="path">Path without extension.</param>
    public void Write(string path)
    {
        bool bySize = study.ImagesPerClass.Count > 1;
        int height = bySize ? 420 : Frame + (RowHeight * _compared.Length);
        File.WriteAllText(path + ".svg", new SvgExporter { Width = Width, Height = height, IsDocument = false }.ExportToString(bySize ? BySize() : ByRow()));
        WritePng(path, height);
    }

    private PlotModel BySize()
    {
        var plot = NewPlot();
        plot.Axes.Add(NewAxis(AxisPosition.Left, "gain in accuracy, points"));
        var sizes = new CategoryAxis { Position = AxisPosition.Bottom, Title = "training images of each class", TickStyle = TickStyle.None, MajorGridlineStyle = LineStyle.None, IsTickCentered = true };
        sizes.Labels.AddRange(study.ImagesPerClass.Select(size => size.ToString("N0", CultureInfo.InvariantCulture)));
        plot.Axes.Add(sizes);
        plot.Series.Add(Zero(new DataPoint(-0.5, 0), new DataPoint(study.ImagesPerClass.Count - 0.5, 0)));

        var rows = _compared.Select(comparison => comparison.Row).Distinct().ToArray();
        foreach (var (number, row) in rows.Index())
        {
            // Side by side, so that no interval hides another.
            double shift = (number - ((rows.Length - 1) / 2.0)) * 0.09;
            var color = Colors[number % Colors.Length];
            var line = new LineSeries { Title = row.Name, Color = color, StrokeThickness = 1.5, MarkerType = MarkerType.Circle, MarkerFill = color, MarkerSize = 4 };
            var errors = new ScatterErrorSeries { MarkerType = MarkerType.None, ErrorBarColor = color, ErrorBarStopWidth = 3, ErrorBarStrokeThickness = 1 };
            foreach (var comparison in _compared.Where(comparison => comparison.Row == row))
            {
                double x = study.ImagesPerClass.ToList().IndexOf(comparison.ImagesPerClass) + shift;
                line.Points.Add(new DataPoint(x, comparison.Gains!.Average()));
                errors.Points.Add(new ScatterErrorPoint(x, comparison.Gains!.Average(), 0, 2 * Interval(comparison)));
            }

            plot.Series.Add(errors);
            plot.Series.Add(line);
        }

        plot.Legends.Add(new Legend { LegendPosition = LegendPosition.TopCenter, LegendPlacement = LegendPlacement.Outside, LegendOrientation = LegendOrientation.Horizontal, LegendItemSpacing = 24 });
        return plot;
    }

    private PlotModel ByRow()
    {
        var plot = NewPlot();
        plot.Axes.Add(NewAxis(AxisPosition.Bottom, "gain in accuracy, points"));
        var names = new CategoryAxis { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, TickStyle = TickStyle.None };
        names.Labels.AddRange(_compared.Select(comparison => $"{comparison.Row.Name}, over {comparison.Row.Against}"));
        plot.Axes.Add(names);
        plot.Series.Add(Zero(new DataPoint(0, -0.5), new DataPoint(0, _compared.Length - 0.5)));
        var points = new ScatterErrorSeries { MarkerType = MarkerType.Circle, MarkerSize = 4, MarkerFill = Colors[0], ErrorBarColor = Colors[0], ErrorBarStopWidth = 4, ErrorBarStrokeThickness = 1.5 };
        points.Points.AddRange(_compared.Select((comparison, row) => new ScatterErrorPoint(comparison.Gains!.Average(), row, 2 * Interval(comparison), 0)));
        plot.Series.Add(points);
        return plot;
    }

    /// <summary>Half of the interval; none is drawn of one seed.</summary>
    private static double Interval(Comparison comparison) => Statistics.HalfInterval(comparison.Gains!) is var half && double.IsNaN(half) ? 0 : half;

    private PlotModel NewPlot() => new()
    {
        Title = study.Title,
        TitleFontSize = 15,
        TitleFontWeight = FontWeights.Normal,
        Background = OxyColors.White,
        PlotAreaBorderThickness = new OxyThickness(0),
        DefaultFont = "Helvetica, Arial, sans-serif",
        DefaultFontSize = 12,
        Culture = CultureInfo.InvariantCulture,
        Padding = new OxyThickness(12),
    };

    private static LinearAxis NewAxis(AxisPosition position, string title) => new()
    {
        Position = position,
        Title = title,
        StringFormat = "+0;-0;0",
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = Grid,
        TickStyle = TickStyle.None,
        MinimumPadding = 0.05,
        MaximumPadding = 0.05,
    };

    private static LineSeries Zero(params DataPoint[] ends)
    {
        var line = new LineSeries { Color = Muted, StrokeThickness = 1 };
        line.Points.AddRange(ends);
        return line;
    }

    private static void WritePng(string path, int height)
    {
        string profile = Directory.CreateTempSubdirectory("sla-studies-").FullName;
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
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"{path}.png is not made: {Browser} is not installed.");
        }
        finally
        {
            Directory.Delete(profile, recursive: true);
        }
    }
}
