using System.Xml.Linq;
using Microsoft.ML.Sla;
using static System.FormattableString;

namespace Sla.Report.Sections;

/// <summary>The trials of a search.</summary>
internal static class SearchSection
{
    public static XElement Of(SlaExperimentResult search)
    {
        var trials = Leaderboard.InOrder(search.Trials).ToList();
        return Html.Section(
            "The search",
            Html.Paragraph($"{Plural.Of(trials.Count, "trial")} in {search.Elapsed:hh\\:mm\\:ss}. The model is from trial {search.Best.Number}.{(search.IsComplete ? "" : " The search was stopped before its training was complete.")}"),
            Html.Div("charts", Chart.ByTime("Accuracy of the trials", "P0", trials.Where(trial => trial.Intervals.Count > 0).Select(trial => (trial == search.Best, Curve(trial))))),
            Html.Table(["trial", "steps", "accuracy", "macro accuracy", "log-loss", "behind the best", "standard error"], trials.Select(Row), "wide trials"),
            Html.Note(
                "All trials are measured on the same validation images, after each part of their training. Those that completed most parts are first. "
                + "'Behind the best' is the difference in accuracy to the trial that was best after the same part. Its standard error is that of the images which only one of the two gets right."));
    }

    private static ChartLine Curve(SlaTrial trial) =>
        new($"trial {trial.Number}", [.. trial.Intervals.Select(interval => (interval.Elapsed, interval.Accuracy))]);

    private static XElement Row(SlaTrial trial)
    {
        string name = Invariant($"{trial.Number} {trial.Name}{(trial.Failure is null ? "" : $": {OptionNames.InMessage(trial.Failure)}")}");
        if (trial.Last is not { } last)
            return Html.Row(name, "-", "-", "-", "-", "-", "-");
        return Html.Row(
            name,
            Invariant($"{last.Steps:N0} of {trial.Steps:N0}"),
            Html.Percent(last.Accuracy),
            Html.Percent(last.MacroAccuracy),
            Invariant($"{last.LogLoss:F3}"),
            last.Against is { } against ? Html.Percent(-against.Difference) : "-",
            last.Against is { } compared ? Invariant($"± {compared.StandardError:P1}") : "-");
    }
}
