using System.Globalization;
using System.Text.Json.Nodes;
using Xunit;

namespace Microsoft.ML.Sla.Tests;

[Collection(CliGroup.Name)]
public sealed class ReportTests(TrainedByCli trained) : FolderTest
{
    [Theory]
    [InlineData(false, 1200, "rgb(251, 251, 250)")]
    [InlineData(true, 1200, "rgb(20, 23, 27)")]
    [InlineData(false, 500, "rgb(251, 251, 250)")]
    public async Task A_browser_draws_every_chart_in_both_schemes_and_narrow(bool isDark, int width, string background)
    {
        Assert.SkipUnless(ChromiumProgram.IsThere, "Chromium is not installed.");
        var page = await Chromium.OpenAsync(trained.Report, isDark, width);
        Assert.Empty(page.Console);
        Assert.Equal(background, (string)page.Measured["background"]!);
        Assert.Equal(0, (int)page.Measured["tooWide"]!);
        Assert.Equal(0, (int)page.Measured["brokenImages"]!);
        Assert.Equal(0, (int)page.Measured["fetched"]!);
        var charts = page.Measured["charts"]!.AsArray();
        Assert.Equal(["Loss", "Accuracy", "Learning rate", "Accuracy with its 95 % interval", "Calibration"], charts.Select(chart => (string)chart!["name"]!));
        Assert.All(charts, chart => Assert.True((double)chart!["size"]! > 400));
        Assert.All(charts, chart => Assert.True((int)chart!["texts"]! >= 4, chart.ToJsonString()));

        // Grid, none, and a colour for each line at least.
        Assert.Equal([4, 4, 3, 4, 6], charts.Select((chart, i) => Math.Min((int)chart!["colors"]!, new[] { 4, 4, 3, 4, 6 }[i])));
    }

    [Fact]
    public async Task The_report_of_a_training_shows_its_curves_options_and_data()
    {
        string report = await File.ReadAllTextAsync(trained.Report, TestContext.Current.CancellationToken);
        foreach (string part in new[] { "RandomCrop(4)", "cifar", "54 images, 6 epochs", "60 in", "28 x 28 pixels, grey", "images a second", "Ways to predict", "aggregated", "distilled" })
            Assert.Contains(part, report, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch("(src|href)=\"(?!data:)", report);
        Assert.DoesNotContain("<script", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_reports_what_it_says()
    {
        string report = InFolder("report.html");
        var evaluation = await SlaCommand.JsonAsync("evaluate", "--model", trained.Model, "--images", trained.TestImages, "--report", report);
        string page = await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken);
        Assert.Contains($"<dt>accuracy</dt><dd>{Percent(evaluation["accuracy"])}</dd>", page, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"<dt>log-loss</dt><dd>{(double)evaluation["logLoss"]!:F3}</dd>"), page, StringComparison.Ordinal);
        foreach (var c in evaluation["perClass"]!.AsArray())
            Assert.Contains($"<tr><td>{c!["name"]}</td><td>{c["images"]}</td><td>{Percent(c["precision"])}</td><td>{Percent(c["recall"])}</td><td>{Percent(c["f1"])}</td></tr>", page, StringComparison.Ordinal);

        int wrong = (int)Math.Round(30 * (1 - (double)evaluation["accuracy"]!));
        Assert.Equal(Math.Min(12, wrong), page.Split("<article>").Length - 1);
        Assert.Equal(4 * Math.Min(12, wrong), page.Split("class=\"view\"").Length - 1);
    }

    [Fact]
    public async Task A_report_without_images_to_measure_on_says_so()
    {
        string images = InFolder("images");
        TrainedByCli.Copy(FashionImages.Train(classes: 2, perClass: 1), images);
        string report = InFolder("r.html");
        await SlaCommand.DoneAsync(SlaCommand.Train(images, InFolder("m.zip"), epochs: 1, "--report", report));
        string page = await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken);
        Assert.Contains("nothing to measure the model on", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Confusion", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_that_cannot_be_written_is_an_error_before_the_training()
    {
        string model = InFolder("m.zip");
        await SlaCommand.RefusedAsync("mkdir -p", "train", "--images", trained.Images, "--model", model, "--report", Path.Combine(Folder, "no", "r.html"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    private static string Percent(JsonNode? share) => share is null ? "-" : ((double)share).ToString("P1", CultureInfo.InvariantCulture);
}
