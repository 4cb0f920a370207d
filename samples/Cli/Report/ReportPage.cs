using System.Xml.Linq;
using Sla.Report.Sections;

namespace Sla.Report;

/// <summary>A report as one HTML file, which needs no other.</summary>
internal static class ReportPage
{
    public static void Write(ModelReport report, Stream stream)
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.WriteLine("<!DOCTYPE html>");
        writer.Write(Of(report).ToString(SaveOptions.DisableFormatting));
    }

    /// <summary>Writes the report of a model that was just written.</summary>
    /// <param name="model">The file of the model.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="make">Scores images, and makes the report.</param>
    /// <exception cref="OperationCanceledException">It was stopped; the message says how to make the report.</exception>
    /// <exception cref="TrainingFailedException">It cannot be written; the message says how to make it.</exception>
    public static void WriteAfter(string model, string path, Func<ModelReport> make)
    {
        try
        {
            var report = make();
            OutputFile.Write(path, stream => Write(report, stream));
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException($"Stopped before '{path}' was written. '{model}' was written. {HowToMake()}", exception);
        }
        catch (Exception exception) when (exception is IOException or InputException)
        {
            throw new TrainingFailedException($"{exception.Message} '{model}' was written. {HowToMake()}", exception);
        }

        string HowToMake() => $"Make the report with: {ShellCommand.Of("sla", "evaluate", "--model", model, "--report", path, "--images")} DIR";
    }

    public static XElement Of(ModelReport report) => new("html",
        new XAttribute("lang", "en"),
        new XElement("head",
            new XElement("meta", new XAttribute("charset", "utf-8")),
            new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
            new XElement("meta", new XAttribute("name", "color-scheme"), new XAttribute("content", "light dark")),
            new XElement("title", Html.Text($"{report.Name} - report")),
            new XElement("style", StyleSheet())),
        new XElement("body", new XElement("main", Sections(report))));

    private static IEnumerable<XElement> Sections(ModelReport report)
    {
        yield return HeadingSection.Of(report);
        yield return TrainingSection.Of(report.Model.History);
        if (report.Search is { } search)
            yield return SearchSection.Of(search);
        if (report.Measured is { } measured)
        {
            yield return InferencesSection.Of(measured.Inferences);
            yield return ConfusionsSection.Of(measured.Confusions);
            yield return ClassesSection.Of(measured.Inferences[0].Evaluation.PerClass);
            yield return MistakesSection.Of(measured.Mistakes);
        }

        yield return RunSection.Of(report.Model.Facts, report.Run);
    }

    private static string StyleSheet()
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
